/* STM32F746: USART1 on PA9 and PA10, 216 MHz, sectors 5 to 7 of 256 KB (RM0385). */
#define STM32_USART_SECOND
#define STM32_USART1        0x40011000u
#define STM32_USART1_IRQ    37u
#define STM32_UID           0x1FF0F420u
#define STM32_UID_LAST      0x1FF0F428u
#define PWR_OVERDRIVE       /* above 180 MHz */
#define PLL_N               432u
#define PLL_P               2u
#define CFGR_APB            ((5u << 10) | (4u << 13)) /* APB1 by 4, APB2 by 2 */
#define APB2_DIVIDER        2u
#define FLASH_WAITS         7u
#define FLASH_ACR_MORE      (1u << 8) /* prefetch */
#define FIRST_LARGE_SECTOR  5u
#define FIRST_LARGE_ADDRESS 0x08040000u
#include "stm32f4.h"
