/* How the same C is compiled for the host and for a chip: inlining, and hints for vectors. C99 with
 * __attribute__, __builtin and _Pragma as clang and GCC have them. */
#pragma once

/* C11's, which both have in C99 too. */
#ifdef __cplusplus
#define SL_STATIC_ASSERT(condition, why) static_assert(condition, why)
#else
#define SL_STATIC_ASSERT(condition, why) __extension__ _Static_assert(condition, why)
#endif

/* Only the host's shared library gives the attribute a meaning. */
#define SL_API __attribute__((visibility("default")))

/* Built for size, on a chip: every layer by the same loops, and none of them unrolled. */
#if defined(SL_FOR_SIZE) && !defined(SL_HOST)
#define SL_SMALL 1
#else
#define SL_SMALL 0
#endif

/* What a chip has instructions of its own for; built for size, all chips run the same C. */
#if defined(__ARM_FEATURE_DSP) && !defined(SL_HOST) && !SL_SMALL
#define SL_DSP 1
#else
#define SL_DSP 0
#endif
#if defined(__thumb__) && !defined(__thumb2__) && !defined(SL_HOST) && !SL_SMALL
#define SL_THUMB1 1
#else
#define SL_THUMB1 0
#endif

/* Folds into its caller: what it is told as a constant or a function is one. Built for size the
 * compiler chooses. */
#if SL_SMALL
#define SL_FOLD static __attribute__((unused))
#else
#define SL_FOLD static inline __attribute__((always_inline))
#endif

/* In front of a function that is short, and called from many places: built for size it is there
 * once. */
#if SL_SMALL
#define SL_ONE_COPY __attribute__((noinline))
#else
#define SL_ONE_COPY
#endif

/* On the host inlining makes every size a constant, and sums stay in vector registers, a tile of
 * units at a time; on the chip that would only cost flash, and the sums lie in memory. */
#ifdef SL_HOST
#define SL_ON_HOST       1
#define SL_INLINE        SL_FOLD
#define SL_UNROLL_LAYERS _Pragma("GCC unroll 16")
#define SL_UNROLL_DRAWS  _Pragma("GCC unroll 64")
#define SL_UNROLL_FOUR   /* vectors instead */
#elif SL_SMALL
#define SL_ON_HOST 0
#define SL_INLINE  static __attribute__((unused)) /* by every file that sees it */
#define SL_UNROLL_LAYERS
#define SL_UNROLL_DRAWS
#define SL_UNROLL_FOUR
#else
#define SL_ON_HOST 0
#define SL_INLINE  static __attribute__((noinline, unused)) /* by every file that sees it */
#define SL_UNROLL_LAYERS
#define SL_UNROLL_DRAWS
#define SL_UNROLL_FOUR _Pragma("GCC unroll 4")
#endif

/* On the chip too: a few instructions, many times. */
#if SL_SMALL
#define SL_UNROLL_ALWAYS
#else
#define SL_UNROLL_ALWAYS _Pragma("GCC unroll 64")
#endif

/* Units side by side in vector registers, the last ones one by one: stores under a mask cost more
 * than they save. */
#if defined(SL_HOST) && defined(__clang__) && defined(__AVX512BW__)
#define SL_VECTOR _Pragma("clang loop vectorize(enable)")
#else
#define SL_VECTOR
#endif

/* Draws side by side: kept from being unrolled, a loop over the lanes becomes whole vectors. */
#if defined(SL_HOST) && defined(__clang__)
#define SL_DRAWS  _Pragma("clang loop unroll(disable) vectorize(enable)")
#define SL_SCALAR _Pragma("clang loop vectorize(disable)")
#else
#define SL_DRAWS
#define SL_SCALAR
#endif
