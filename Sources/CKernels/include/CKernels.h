#ifndef YIJIAN_CKERNELS_H
#define YIJIAN_CKERNELS_H
#include <stddef.h>
#include <stdint.h>

// Checksums. `seed` is the checksum of the bytes before, 0 at the start.
// Picks the processor's instruction at run time.
uint32_t yj_crc32c(uint32_t seed, const void *bytes, size_t count);
// The portable twin: any processor, same result.
uint32_t yj_crc32c_portable(uint32_t seed, const void *bytes, size_t count);
// 1 when the processor has an instruction for CRC-32C and yj_crc32c uses it.
int yj_crc32c_is_hardware(void);

// Scans over untrusted columns.
// The largest of `count` values read as unsigned; 0 when there are none.
uint32_t yj_max_u32(const uint32_t *values, size_t count);
// 1 when no value is smaller than the one before it.
int yj_is_rising_i32(const int32_t *values, size_t count);
// How many of the first `count` bits are 1.
size_t yj_count_bits(const uint8_t *bits, size_t count);

// Cutting text. Places of the bytes `a` and `b`, rising, among the first `count`; ends before the first byte `stop`
// (give `a` again when there is none). `stopped` gets the place of that byte, or `count`. `places` must have room for
// `count` of them. Returns how many there are.
size_t yj_find_marks(const uint8_t *bytes, size_t count, uint8_t a, uint8_t b, uint8_t stop, uint32_t *places,
                     size_t *stopped);
// The portable twin: any processor, same result.
size_t yj_find_marks_portable(const uint8_t *bytes, size_t count, uint8_t a, uint8_t b, uint8_t stop,
                              uint32_t *places, size_t *stopped);

// The audit's first pass. Row r of `count` goes to list b for every bit b that is set in roles[codes[r]]; a code below
// zero has no roles. Every list must have room for `count` + 16 rows; counts[b] gets the length of list b.
void yj_lists_by_role(const int32_t *codes, size_t count, const uint32_t *roles, size_t role_count,
                      int32_t *const *lists, size_t *counts);
// The portable twin: any processor, same result.
void yj_lists_by_role_portable(const int32_t *codes, size_t count, const uint32_t *roles, size_t role_count,
                               int32_t *const *lists, size_t *counts);

// Arithmetic on columns; products wrap around.
void yj_multiply_i64(int64_t *products, const int64_t *a, const int64_t *b, size_t count);
void yj_multiply_by_i64(int64_t *products, const int64_t *a, int64_t factor, size_t count);
// All bits that any value, or the complement of a negative one, has.
uint64_t yj_magnitude_i64(const int64_t *values, size_t count);
#endif
