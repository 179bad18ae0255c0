#include "CKernels.h"

// Which of 64 bytes equal a byte, one bit each. SSE2 is part of every x86-64, NEON of every aarch64.
#if defined(__x86_64__)
#include <emmintrin.h>
typedef struct { __m128i part[4]; } Bytes64;

static inline Bytes64 load64(const uint8_t *bytes) {
    Bytes64 all;
    for (int i = 0; i < 4; i++) all.part[i] = _mm_loadu_si128((const __m128i *)(bytes + 16 * i));
    return all;
}

static inline uint64_t equal64(Bytes64 all, uint8_t byte) {
    __m128i wanted = _mm_set1_epi8((char)byte);
    uint64_t mask = 0;
    for (int i = 0; i < 4; i++) {
        mask |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(all.part[i], wanted)) << (16 * i);
    }
    return mask;
}
#define HAS_VECTORS 1
#elif defined(__aarch64__)
#include <arm_neon.h>
typedef struct { uint8x16_t part[4]; } Bytes64;

static inline Bytes64 load64(const uint8_t *bytes) {
    Bytes64 all;
    for (int i = 0; i < 4; i++) all.part[i] = vld1q_u8(bytes + 16 * i);
    return all;
}

static inline uint64_t equal64(Bytes64 all, uint8_t byte) {
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    uint8x16_t wanted = vdupq_n_u8(byte);
    uint8x16_t weight = vld1q_u8(weights);
    uint8x16_t a = vandq_u8(vceqq_u8(all.part[0], wanted), weight);
    uint8x16_t b = vandq_u8(vceqq_u8(all.part[1], wanted), weight);
    uint8x16_t c = vandq_u8(vceqq_u8(all.part[2], wanted), weight);
    uint8x16_t d = vandq_u8(vceqq_u8(all.part[3], wanted), weight);
    uint8x16_t sums = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(sums, sums)), 0);
}
#define HAS_VECTORS 1
#endif

static size_t find_from(const uint8_t *bytes, size_t begin, size_t count, uint8_t a, uint8_t b, uint8_t stop,
                        uint32_t *places, size_t found, size_t *stopped) {
    int stops = stop != a;
    for (size_t i = begin; i < count; i++) {
        if (stops && bytes[i] == stop) {
            *stopped = i;
            return found;
        }
        places[found] = (uint32_t)i;
        found += (size_t)(bytes[i] == a || bytes[i] == b);
    }
    *stopped = count;
    return found;
}

size_t yj_find_marks_portable(const uint8_t *bytes, size_t count, uint8_t a, uint8_t b, uint8_t stop,
                              uint32_t *places, size_t *stopped) {
    return find_from(bytes, 0, count, a, b, stop, places, 0, stopped);
}

size_t yj_find_marks(const uint8_t *bytes, size_t count, uint8_t a, uint8_t b, uint8_t stop, uint32_t *places,
                     size_t *stopped) {
    size_t found = 0;
    size_t i = 0;
#if defined(HAS_VECTORS)
    for (; i + 64 <= count; i += 64) {
        Bytes64 all = load64(bytes + i);
        // The byte by byte search says where exactly it stops.
        if (stop != a && equal64(all, stop) != 0) break;
        uint64_t marks = equal64(all, a) | equal64(all, b);
        while (marks != 0) {
            places[found++] = (uint32_t)(i + (size_t)__builtin_ctzll(marks));
            marks &= marks - 1;
        }
    }
#endif
    return find_from(bytes, i, count, a, b, stop, places, found, stopped);
}
