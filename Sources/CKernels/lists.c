#include "CKernels.h"

// Loops of the audit's first pass. Vector twins are made by the compiler, or written out where it cannot, and chosen at
// run time; elsewhere the plain loop is all there is.
#if defined(__x86_64__) && defined(__linux__)
#include <immintrin.h>
#define CLONED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define WIDE __attribute__((target("avx512f,popcnt")))
#else
#define CLONED
#endif

static void plain_lists(const int32_t *codes, size_t begin, size_t count, const uint32_t *roles, size_t role_count,
                        int32_t *const *lists, size_t *counts) {
    for (size_t row = begin; row < count; row++) {
        uint32_t bits = codes[row] < 0 ? 0 : roles[codes[row]];
        // Written in any case, and kept where the bit is set.
        for (size_t role = 0; role < role_count; role++) {
            lists[role][counts[role]] = (int32_t)row;
            counts[role] += bits >> role & 1;
        }
    }
}

void yj_lists_by_role_portable(const int32_t *codes, size_t count, const uint32_t *roles, size_t role_count,
                               int32_t *const *lists, size_t *counts) {
    for (size_t role = 0; role < role_count; role++) counts[role] = 0;
    plain_lists(codes, 0, count, roles, role_count, lists, counts);
}

#if defined(WIDE)
WIDE static size_t wide_lists(const int32_t *codes, size_t count, const uint32_t *roles, size_t role_count,
                              int32_t *const *lists, size_t *counts) {
    __m512i rows = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    size_t row = 0;
    for (; row + 16 <= count; row += 16) {
        __m512i own = _mm512_loadu_si512(codes + row);
        __mmask16 known = _mm512_cmpge_epi32_mask(own, _mm512_setzero_si512());
        __m512i bits = _mm512_mask_i32gather_epi32(_mm512_setzero_si512(), known, own, roles, 4);
        __m512i bit = _mm512_set1_epi32(1);
        for (size_t role = 0; role < role_count; role++) {
            __mmask16 has = _mm512_test_epi32_mask(bits, bit);
            _mm512_storeu_si512(lists[role] + counts[role], _mm512_maskz_compress_epi32(has, rows));
            counts[role] += (size_t)__builtin_popcount(has);
            bit = _mm512_slli_epi32(bit, 1);
        }
        rows = _mm512_add_epi32(rows, _mm512_set1_epi32(16));
    }
    return row;
}
#endif

void yj_lists_by_role(const int32_t *codes, size_t count, const uint32_t *roles, size_t role_count,
                      int32_t *const *lists, size_t *counts) {
    for (size_t role = 0; role < role_count; role++) counts[role] = 0;
    size_t begin = 0;
#if defined(WIDE)
    if (__builtin_cpu_supports("avx512f")) begin = wide_lists(codes, count, roles, role_count, lists, counts);
#endif
    plain_lists(codes, begin, count, roles, role_count, lists, counts);
}

CLONED void yj_multiply_i64(int64_t *products, const int64_t *a, const int64_t *b, size_t count) {
    for (size_t i = 0; i < count; i++) products[i] = (int64_t)((uint64_t)a[i] * (uint64_t)b[i]);
}

CLONED void yj_multiply_by_i64(int64_t *products, const int64_t *a, int64_t factor, size_t count) {
    for (size_t i = 0; i < count; i++) products[i] = (int64_t)((uint64_t)a[i] * (uint64_t)factor);
}

CLONED uint64_t yj_magnitude_i64(const int64_t *values, size_t count) {
    uint64_t bits = 0;
    for (size_t i = 0; i < count; i++) bits |= (uint64_t)(values[i] ^ (values[i] >> 63));
    return bits;
}

CLONED void yj_add_i64(int64_t *sums, const int64_t *a, const int64_t *b, size_t count) {
    for (size_t i = 0; i < count; i++) sums[i] = (int64_t)((uint64_t)a[i] + (uint64_t)b[i]);
}

CLONED void yj_subtract_i64(int64_t *differences, const int64_t *a, const int64_t *b, size_t count) {
    for (size_t i = 0; i < count; i++) differences[i] = (int64_t)((uint64_t)a[i] - (uint64_t)b[i]);
}

CLONED void yj_absolute_i64(int64_t *magnitudes, const int64_t *a, size_t count) {
    for (size_t i = 0; i < count; i++) magnitudes[i] = a[i] < 0 ? (int64_t)(0 - (uint64_t)a[i]) : a[i];
}

static inline int holds(int comparison, int64_t a, int64_t b) {
    switch (comparison) {
    case 0: return a < b;
    case 1: return a <= b;
    case 2: return a > b;
    case 3: return a >= b;
    case 4: return a == b;
    default: return a != b;
    }
}

static size_t plain_rows(int comparison, const int64_t *a, const int64_t *b, size_t begin, size_t count, int32_t first,
                         int32_t *rows, size_t found) {
    for (size_t i = begin; i < count; i++) {
        rows[found] = first + (int32_t)i;
        found += (size_t)holds(comparison, a[i], b[i]);
    }
    return found;
}

size_t yj_rows_where_i64_portable(int comparison, const int64_t *a, const int64_t *b, size_t count, int32_t first,
                                  int32_t *rows) {
    return plain_rows(comparison, a, b, 0, count, first, rows, 0);
}

#if defined(WIDE)
WIDE static inline __mmask8 where(int comparison, __m512i a, __m512i b) {
    switch (comparison) {
    case 0: return _mm512_cmplt_epi64_mask(a, b);
    case 1: return _mm512_cmple_epi64_mask(a, b);
    case 2: return _mm512_cmpgt_epi64_mask(a, b);
    case 3: return _mm512_cmpge_epi64_mask(a, b);
    case 4: return _mm512_cmpeq_epi64_mask(a, b);
    default: return _mm512_cmpneq_epi64_mask(a, b);
    }
}

WIDE static size_t wide_rows(int comparison, const int64_t *a, const int64_t *b, size_t count, int32_t first,
                             int32_t *rows, size_t *found) {
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        unsigned own = where(comparison, _mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
        // Mostly none holds.
        while (own != 0) {
            rows[(*found)++] = first + (int32_t)i + __builtin_ctz(own);
            own &= own - 1;
        }
    }
    return i;
}

// The end of a run of equal parents is where the next row has another one.
WIDE static size_t wide_ends(const int32_t *parents, size_t count, int32_t *ends) {
    size_t i = 0;
    for (; i + 17 <= count; i += 16) {
        unsigned own = _mm512_cmpneq_epi32_mask(_mm512_loadu_si512(parents + i), _mm512_loadu_si512(parents + i + 1));
        while (own != 0) {
            size_t row = i + (size_t)__builtin_ctz(own);
            ends[parents[row]] = (int32_t)row + 1;
            own &= own - 1;
        }
    }
    return i;
}
#endif

size_t yj_rows_where_i64(int comparison, const int64_t *a, const int64_t *b, size_t count, int32_t first,
                         int32_t *rows) {
    size_t begin = 0, found = 0;
#if defined(WIDE)
    if (__builtin_cpu_supports("avx512f")) begin = wide_rows(comparison, a, b, count, first, rows, &found);
#endif
    return plain_rows(comparison, a, b, begin, count, first, rows, found);
}

CLONED int yj_rebase_i32(int32_t *target, const int32_t *source, int32_t base, uint32_t limit, size_t count) {
    uint32_t outside = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t own = (uint32_t)source[i] - (uint32_t)base;
        outside |= (uint32_t)(own >= limit);
        target[i] = (int32_t)own;
    }
    return outside != 0;
}

static void plain_ends(const int32_t *parents, size_t begin, size_t count, int32_t *ends) {
    for (size_t i = begin; i < count; i++) ends[parents[i]] = (int32_t)i + 1;
}

void yj_ends_by_parent_portable(const int32_t *parents, size_t count, int32_t *ends) {
    plain_ends(parents, 0, count, ends);
}

void yj_ends_by_parent(const int32_t *parents, size_t count, int32_t *ends) {
    size_t begin = 0;
#if defined(WIDE)
    if (__builtin_cpu_supports("avx512f")) begin = wide_ends(parents, count, ends);
#endif
    plain_ends(parents, begin, count, ends);
}
