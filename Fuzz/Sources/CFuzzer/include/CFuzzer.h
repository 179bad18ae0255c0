#ifndef YIJIAN_CFUZZER_H
#define YIJIAN_CFUZZER_H
#include <stddef.h>
#include <stdint.h>

/// libFuzzer's entry for programs that have a main of their own; linked in by -sanitize=fuzzer.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));

/// An anonymous file, for parsers that map a path. Negative when the system has none left.
int yijian_memory_file(const char *name);
#endif
