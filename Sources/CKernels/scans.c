#include "CKernels.h"

// Vector twins are made by the compiler and chosen at load time; elsewhere the plain loop is all there is.
#if defined(__x86_64__) && defined(__linux__)
#define CLONED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONED
#endif

CLONED uint32_t yj_max_u32(const uint32_t *values, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) largest = values[i] > largest ? values[i] : largest;
    return largest;
}

CLONED int yj_is_rising_i32(const int32_t *values, size_t count) {
    uint32_t falls = 0;
    for (size_t i = 1; i < count; i++) falls |= (uint32_t)(values[i] < values[i - 1]);
    return falls == 0;
}

CLONED size_t yj_count_bits(const uint8_t *bits, size_t count) {
    size_t total = 0;
    size_t whole = count / 8;
    for (size_t i = 0; i < whole; i++) total += (size_t)__builtin_popcount(bits[i]);
    size_t rest = count % 8;
    if (rest > 0) total += (size_t)__builtin_popcount((unsigned)(bits[whole] & ((1u << rest) - 1)));
    return total;
}
