#include "CKernels.h"

#include <string.h>

// CRC-32C, polynomial 0x1EDC6F41, bits reflected. Three loops give the same result: the portable one takes eight bytes
// a step from tables, the other two use an instruction and run three stretches of memory side by side, because the
// instruction answers after three cycles but can start every cycle.

#define POLYNOMIAL 0x82F63B78u
#define STRETCH 4096
// x^(8 * STRETCH) and x^(16 * STRETCH) modulo the polynomial: moving a checksum past one or two stretches.
#define PAST_ONE 0x35D73A62u
#define PAST_TWO 0x28461564u

static uint32_t table[8][256];

__attribute__((constructor)) static void fill_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t value = byte;
        for (int bit = 0; bit < 8; bit++) value = (value >> 1) ^ (value & 1 ? POLYNOMIAL : 0);
        table[0][byte] = value;
    }
    for (int row = 1; row < 8; row++)
        for (int byte = 0; byte < 256; byte++)
            table[row][byte] = (table[row - 1][byte] >> 8) ^ table[0][table[row - 1][byte] & 255];
}

uint32_t yj_crc32c_portable(uint32_t seed, const void *bytes, size_t count) {
    const uint8_t *next = bytes;
    uint32_t crc = ~seed;
    while (count >= 8) {
        uint32_t low = crc ^ ((uint32_t)next[0] | (uint32_t)next[1] << 8 | (uint32_t)next[2] << 16
                              | (uint32_t)next[3] << 24);
        crc = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24]
            ^ table[3][next[4]] ^ table[2][next[5]] ^ table[1][next[6]] ^ table[0][next[7]];
        next += 8;
        count -= 8;
    }
    while (count-- > 0) crc = (crc >> 8) ^ table[0][(crc ^ *next++) & 255];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
#define HARDWARE __attribute__((target("sse4.2")))
#define STEP8(crc, word) _mm_crc32_u64(crc, word)
#define STEP1(crc, byte) _mm_crc32_u8((uint32_t)(crc), byte)

static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }

#elif defined(__aarch64__) && defined(__linux__)
#include <arm_acle.h>
#include <sys/auxv.h>
#define HARDWARE __attribute__((target("crc")))
#define STEP8(crc, word) __crc32cd((uint32_t)(crc), word)
#define STEP1(crc, byte) __crc32cb((uint32_t)(crc), byte)

// HWCAP_CRC32 of the kernel's interface.
static int has_instruction(void) { return (getauxval(AT_HWCAP) & (1u << 7)) != 0; }
#endif

#if defined(HARDWARE)
// The product of two polynomials modulo the checksum's.
static uint32_t multiply(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (int bit = 31; bit >= 0; bit--) {
        product ^= b & (0u - (a >> bit & 1));
        b = (b >> 1) ^ (POLYNOMIAL & (0u - (b & 1)));
    }
    return product;
}

static inline uint64_t word_at(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    return word;
}

HARDWARE static uint32_t crc32c_hardware(uint32_t seed, const uint8_t *next, size_t count) {
    uint64_t crc = ~seed;
    while (count >= 3 * STRETCH) {
        uint64_t second = 0, third = 0;
        for (size_t i = 0; i < STRETCH; i += 8) {
            if (i % 64 == 0 && count >= 6 * STRETCH) {
                // A stretch is a page, where the processor's own reading ahead begins anew: the next ones are asked for.
                __builtin_prefetch(next + 3 * STRETCH + i);
                __builtin_prefetch(next + 4 * STRETCH + i);
                __builtin_prefetch(next + 5 * STRETCH + i);
            }
            crc = STEP8(crc, word_at(next + i));
            second = STEP8(second, word_at(next + STRETCH + i));
            third = STEP8(third, word_at(next + 2 * STRETCH + i));
        }
        crc = multiply((uint32_t)crc, PAST_TWO) ^ multiply((uint32_t)second, PAST_ONE) ^ (uint32_t)third;
        next += 3 * STRETCH;
        count -= 3 * STRETCH;
    }
    for (; count >= 8; next += 8, count -= 8) crc = STEP8(crc, word_at(next));
    for (; count > 0; next++, count--) crc = STEP1(crc, *next);
    return ~(uint32_t)crc;
}

static int use_instruction;

__attribute__((constructor)) static void choose(void) { use_instruction = has_instruction(); }

int yj_crc32c_is_hardware(void) { return use_instruction; }

uint32_t yj_crc32c(uint32_t seed, const void *bytes, size_t count) {
    return use_instruction ? crc32c_hardware(seed, bytes, count) : yj_crc32c_portable(seed, bytes, count);
}
#else
int yj_crc32c_is_hardware(void) { return 0; }

uint32_t yj_crc32c(uint32_t seed, const void *bytes, size_t count) { return yj_crc32c_portable(seed, bytes, count); }
#endif
