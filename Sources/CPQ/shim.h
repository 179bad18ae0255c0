#ifndef YIJIAN_CPQ_H
#define YIJIAN_CPQ_H
#include <libpq-fe.h>

// Server notices would otherwise be printed on standard error.
static inline void yijian_ignore_notice(void *context, const PGresult *result) { (void)context; (void)result; }
static inline void yijian_silence_notices(PGconn *connection) {
    PQsetNoticeReceiver(connection, yijian_ignore_notice, 0);
}
#endif
