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

// Lets the kernel bring `count` bytes of a file from `start` on to disk, and does not wait. Nothing is durable by it.
void yj_begin_writing(int descriptor, int64_t start, int64_t count);

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

// What a row's number is held against: clear inside low..high. 16 bytes, so that four fill a line of the cache.
typedef struct {
    int32_t low, high;
    // The next interval of the same code; below zero: none.
    int32_t next;
    // Which column the number stands in.
    int32_t source;
} yj_interval;

// A column of numbers: of the row itself, or of its parent (`by_parent` -1, else 0).
typedef struct {
    const int64_t *values;
    int64_t by_parent;
} yj_numbers;

// Puts down those of the rows whose number lies outside the interval of their code, or whose code has further intervals;
// returns how many there are. `outside` must have room for `count` + 16. Codes of the rows are not below zero.
size_t yj_rows_outside(const int32_t *rows, size_t count, const int32_t *codes, const int32_t *parents,
                       const yj_interval *intervals, const yj_numbers *numbers, int32_t *outside);
// The portable twin: any processor, same result.
size_t yj_rows_outside_portable(const int32_t *rows, size_t count, const int32_t *codes, const int32_t *parents,
                                const yj_interval *intervals, const yj_numbers *numbers, int32_t *outside);

// Puts down the rows whose value is above zero, and with `keeps_unknown` those without one; returns how many there are.
// `validity`: one bit a row, 1 = present; NULL when all are. `rows` must have room for `count` + 16.
size_t yj_rows_above_zero_i32(const int32_t *values, const uint8_t *validity, int keeps_unknown, size_t count,
                              int32_t *rows);
// The portable twin: any processor, same result.
size_t yj_rows_above_zero_i32_portable(const int32_t *values, const uint8_t *validity, int keeps_unknown, size_t count,
                                       int32_t *rows);

// Arithmetic on columns; products wrap around.
void yj_multiply_i64(int64_t *products, const int64_t *a, const int64_t *b, size_t count);
void yj_multiply_by_i64(int64_t *products, const int64_t *a, int64_t factor, size_t count);
void yj_add_i64(int64_t *sums, const int64_t *a, const int64_t *b, size_t count);
void yj_subtract_i64(int64_t *differences, const int64_t *a, const int64_t *b, size_t count);
void yj_absolute_i64(int64_t *magnitudes, const int64_t *a, size_t count);
// Puts down first + i for every i below `count` with a[i] < b[i] (0), <= (1), > (2), >= (3), = (4), <> (5); returns how
// many there are. `rows` must have room for `count` + 16.
size_t yj_rows_where_i64(int comparison, const int64_t *a, const int64_t *b, size_t count, int32_t first, int32_t *rows);
// The portable twin: any processor, same result.
size_t yj_rows_where_i64_portable(int comparison, const int64_t *a, const int64_t *b, size_t count, int32_t first,
                                  int32_t *rows);
// target[i] = source[i] - base; 1 when one of them lies outside 0..<limit.
int yj_rebase_i32(int32_t *target, const int32_t *source, int32_t base, uint32_t limit, size_t count);
// ends[p] = one more than the last row whose parent is p, for every parent that occurs.
void yj_ends_by_parent(const int32_t *parents, size_t count, int32_t *ends);
// The portable twin: any processor, same result.
void yj_ends_by_parent_portable(const int32_t *parents, size_t count, int32_t *ends);
// All bits that any value, or the complement of a negative one, has.
uint64_t yj_magnitude_i64(const int64_t *values, size_t count);
#endif
