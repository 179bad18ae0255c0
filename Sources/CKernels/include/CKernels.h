#ifndef YIJIAN_CKERNELS_H
#define YIJIAN_CKERNELS_H
#include <stddef.h>
#include <stdint.h>
#endif
