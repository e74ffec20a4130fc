/* STM32F411: USART1 on PA9 and PA10, 100 MHz, sectors 5 to 7 of 128 KB (RM0383). */
#define STM32_USART1        0x40011000u
#define STM32_USART1_IRQ    37u
#define STM32_UID           0x1FFF7A10u
#define STM32_UID_LAST      0x1FFF7A18u
#define PLL_N               400u
#define PLL_P               4u
#define CFGR_APB            (4u << 10) /* APB1 by 2 */
#define APB2_DIVIDER        1u
#define FLASH_WAITS         3u
#define FLASH_ACR_DCEN      (1u << 10)
#define FLASH_ACR_MORE      (7u << 8) /* prefetch and both caches */
#define FIRST_LARGE_SECTOR  5u
#define FIRST_LARGE_ADDRESS 0x08020000u
#include "stm32f4.h"
