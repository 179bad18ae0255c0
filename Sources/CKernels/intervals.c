#include "CKernels.h"

// Rows against the interval of their code. The wide twin looks at eight rows at a time, each number wherever it lies.
#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#define WIDE __attribute__((target("avx512f,avx512vl,popcnt")))
#endif

static size_t plain_outside(const int32_t *rows, size_t begin, size_t count, const int32_t *codes,
                            const int32_t *parents, const yj_interval *intervals, const yj_numbers *numbers,
                            int32_t *outside, size_t found) {
    for (size_t i = begin; i < count; i++) {
        int32_t row = rows[i];
        const yj_interval *own = intervals + codes[row];
        const yj_numbers *column = numbers + own->source;
        int64_t value = column->values[column->by_parent ? parents[row] : row];
        // Written in any case, and kept where it is outside.
        outside[found] = row;
        found += (size_t)((value < own->low) | (value > own->high) | (own->next >= 0));
    }
    return found;
}

size_t yj_rows_outside_portable(const int32_t *rows, size_t count, const int32_t *codes, const int32_t *parents,
                                const yj_interval *intervals, const yj_numbers *numbers, int32_t *outside) {
    return plain_outside(rows, 0, count, codes, parents, intervals, numbers, outside, 0);
}

#if defined(WIDE)
_Static_assert(sizeof(yj_interval) == 16 && sizeof(yj_numbers) == 16, "gathered by these widths");

WIDE static size_t wide_outside(const int32_t *rows, size_t count, const int32_t *codes, const int32_t *parents,
                                const yj_interval *intervals, const yj_numbers *numbers, int32_t *outside,
                                size_t *found) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256i row = _mm256_loadu_si256((const __m256i *)(rows + i));
        __m256i code = _mm256_i32gather_epi32(codes, row, 4);
        // In words of eight bytes: low and high, next and source.
        __m512i place = _mm512_slli_epi64(_mm512_cvtepu32_epi64(code), 1);
        __m512i ends = _mm512_i64gather_epi64(place, (const long long *)intervals, 8);
        __m512i rest = _mm512_i64gather_epi64(place, (const long long *)intervals + 1, 8);
        __m512i low = _mm512_srai_epi64(_mm512_slli_epi64(ends, 32), 32);
        __m512i high = _mm512_srai_epi64(ends, 32);
        __mmask8 has_next = _mm512_cmpge_epi64_mask(_mm512_slli_epi64(rest, 32), _mm512_setzero_si512());
        __m512i source = _mm512_slli_epi64(_mm512_srli_epi64(rest, 32), 1);
        __m512i base = _mm512_i64gather_epi64(source, (const long long *)numbers, 8);
        __m512i by_parent = _mm512_i64gather_epi64(source, (const long long *)numbers + 1, 8);
        __m512i parent = _mm512_cvtepu32_epi64(_mm256_i32gather_epi32(parents, row, 4));
        __m512i at = _mm512_mask_blend_epi64(_mm512_test_epi64_mask(by_parent, by_parent), _mm512_cvtepu32_epi64(row),
                                             parent);
        __m512i address = _mm512_add_epi64(base, _mm512_slli_epi64(at, 3));
        __m512i value = _mm512_i64gather_epi64(address, (const long long *)0, 1);
        __mmask8 is_outside = _mm512_cmplt_epi64_mask(value, low) | _mm512_cmpgt_epi64_mask(value, high) | has_next;
        _mm256_storeu_si256((__m256i *)(outside + *found), _mm256_maskz_compress_epi32(is_outside, row));
        *found += (size_t)__builtin_popcount(is_outside);
    }
    return i;
}
#endif

size_t yj_rows_outside(const int32_t *rows, size_t count, const int32_t *codes, const int32_t *parents,
                       const yj_interval *intervals, const yj_numbers *numbers, int32_t *outside) {
    size_t begin = 0, found = 0;
#if defined(WIDE)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
        begin = wide_outside(rows, count, codes, parents, intervals, numbers, outside, &found);
#endif
    return plain_outside(rows, begin, count, codes, parents, intervals, numbers, outside, found);
}

static size_t plain_above_zero(const int32_t *values, const uint8_t *validity, int keeps_unknown, size_t begin,
                               size_t count, int32_t *rows, size_t found) {
    for (size_t i = begin; i < count; i++) {
        int known = validity ? validity[i >> 3] >> (i & 7) & 1 : 1;
        rows[found] = (int32_t)i;
        found += (size_t)(known ? values[i] > 0 : keeps_unknown != 0);
    }
    return found;
}

size_t yj_rows_above_zero_i32_portable(const int32_t *values, const uint8_t *validity, int keeps_unknown, size_t count,
                                       int32_t *rows) {
    return plain_above_zero(values, validity, keeps_unknown, 0, count, rows, 0);
}

#if defined(WIDE)
WIDE static size_t wide_above_zero(const int32_t *values, const uint8_t *validity, int keeps_unknown, size_t count,
                                   int32_t *rows, size_t *found) {
    __m512i row = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    unsigned unknown = keeps_unknown ? 0xFFFF : 0;
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        unsigned known = validity ? validity[i / 8] | (unsigned)validity[i / 8 + 1] << 8 : 0xFFFF;
        unsigned above = _mm512_cmpgt_epi32_mask(_mm512_loadu_si512(values + i), _mm512_setzero_si512());
        __mmask16 kept = (__mmask16)((above & known) | (unknown & ~known));
        _mm512_storeu_si512(rows + *found, _mm512_maskz_compress_epi32(kept, row));
        *found += (size_t)__builtin_popcount(kept);
        row = _mm512_add_epi32(row, _mm512_set1_epi32(16));
    }
    return i;
}
#endif

size_t yj_rows_above_zero_i32(const int32_t *values, const uint8_t *validity, int keeps_unknown, size_t count,
                              int32_t *rows) {
    size_t begin = 0, found = 0;
#if defined(WIDE)
    if (__builtin_cpu_supports("avx512f"))
        begin = wide_above_zero(values, validity, keeps_unknown, count, rows, &found);
#endif
    return plain_above_zero(values, validity, keeps_unknown, begin, count, rows, found);
}
