/*
 * Values into the window of streamlearn.evaluation.adwin, with the bits of its Python.
 *
 * It stops where a cut may be: Python decides, and cuts. So the logarithm of this computer's C
 * library decides nothing.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define SLW_EXPORT __attribute__((visibility("default")))

enum { MAX_BUCKETS = 5, MIN_SIDE = 5, CLOCK = 32, ROWS = 64 };

/* Row r has buckets of 2^r values, the oldest first: their sums, and their squared distances. */
struct window {
    double width, total, variance, delta;
    uint64_t n; /* values of this window, cut or not */
    uint64_t n_rows;
    uint64_t n_buckets[ROWS];
    double sums[ROWS][MAX_BUCKETS + 1];
    double variances[ROWS][MAX_BUCKETS + 1];
};

static void push(struct window *w, size_t r, double sum, double variance) {
    const size_t at = (size_t)w->n_buckets[r]++;
    w->sums[r][at] = sum;
    w->variances[r][at] = variance;
}

static void compress(struct window *w) {
    double size = 1.0;
    for (size_t r = 0; r < w->n_rows && w->n_buckets[r] > MAX_BUCKETS; r++) {
        double *const sums = w->sums[r];
        double *const variances = w->variances[r];
        const double apart = sums[0] / size - sums[1] / size;
        const double merged = size * size * apart * apart / (2.0 * size);
        if (r + 1 == w->n_rows) {
            if (w->n_rows == ROWS) {
                return; /* after 2^64 values */
            }
            w->n_rows++;
        }
        push(w, r + 1, sums[0] + sums[1], variances[0] + variances[1] + merged);
        w->n_buckets[r] -= 2;
        for (size_t i = 0; i < w->n_buckets[r]; i++) {
            sums[i] = sums[i + 2];
            variances[i] = variances[i + 2];
        }
        size *= 2.0;
    }
}

/* Whether the means of the two sides of some cut may differ by more than they may. */
static int may_be_cut(const struct window *w) {
    if (w->width <= 2 * MIN_SIDE) {
        return 0;
    }
    const double logarithm = log(2.0 * log(w->width) / w->delta);
    const double spread = 2.0 * w->variance / w->width * logarithm;
    double n0 = 0.0;
    double u0 = 0.0;
    for (size_t r = (size_t)w->n_rows; r-- > 0;) {
        for (size_t i = 0; i < w->n_buckets[r]; i++) {
            n0 += ldexp(1.0, (int)r);
            u0 += w->sums[r][i];
            const double n1 = w->width - n0;
            if (n1 < MIN_SIDE) {
                return 0;
            }
            if (n0 < MIN_SIDE) {
                continue;
            }
            const double inverse = 1.0 / (n0 - MIN_SIDE + 1.0) + 1.0 / (n1 - MIN_SIDE + 1.0);
            const double limit = sqrt(spread * inverse) + 2.0 / 3.0 * logarithm * inverse;
            const double difference = fabs(u0 / n0 - (w->total - u0) / n1);
            if (!(difference <= limit * (1.0 - 1e-9))) {
                return 1;
            }
        }
    }
    return 0;
}

/* Add values until there may be a cut, or all of them; return how many. */
SLW_EXPORT uint64_t slw_add(struct window *w, const double *values, uint64_t n) {
    for (uint64_t t = 0; t < n; t++) {
        const double value = values[t];
        if (w->width > 0.0) {
            const double apart = value - w->total / w->width;
            w->variance += w->width * apart * apart / (w->width + 1.0);
        }
        w->width += 1.0;
        w->total += value;
        push(w, 0, value, 0.0);
        compress(w);
        w->n++;
        if (w->n % CLOCK == 0 && may_be_cut(w)) {
            return t + 1;
        }
    }
    return n;
}
