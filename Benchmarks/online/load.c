// An open-loop load generator for the point-of-care service: requests leave at fixed times whatever became of the ones
// before, and waiting counts (latency runs from the time a request was due). A time-out is the client's: it runs from when
// the request was sent. Where all connections wait for an answer nothing can be sent; what was due and not sent is "unsent".
//
//   load HOST PORT MESSAGES RATE CONNECTIONS SECONDS TIMEOUT_MS
//
// MESSAGES holds one JSON body a line; thirty `@` in it become a message identifier of its own for every request.
// RATE 0 closes the loop: every connection sends the next request when it has the answer. Prints one JSON object.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 4096, MARK = 30 };

typedef struct {
    char *text;
    size_t length, mark, body;
    int has_mark;
} Message;

typedef struct {
    int fd, busy, open, header;
    const Message *message;
    char *copy;
    size_t sent;
    char *answer;
    size_t have, need, capacity;
    int64_t due, began;
} Line;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

// Latency in microseconds, 64 steps to every doubling: at most 1.6 % off.
static uint64_t histogram[BUCKETS];

static int bucket(int64_t us) {
    if (us < 64) return us < 0 ? 0 : (int)us;
    int top = 63 - __builtin_clzll((unsigned long long)us);
    int place = (top - 5) * 64 + (int)((us >> (top - 6)) & 63);
    return place < BUCKETS ? place : BUCKETS - 1;
}

static double value(int place) {
    if (place < 64) return place;
    int top = place / 64 + 5;
    return (double)((64 + place % 64)) * (double)(1ULL << (top - 6));
}

static double percentile(uint64_t total, double share) {
    uint64_t wanted = (uint64_t)(share * (double)total), seen = 0;
    for (int i = 0; i < BUCKETS; i++) {
        seen += histogram[i];
        if (seen > wanted) return value(i);
    }
    return 0;
}

static uint64_t sent, answered, good, degraded, refused, failed, timeouts, findings, bytes_out, largest;
static struct sockaddr_in address;
static int epoll;
static Message *messages;
static size_t message_count, next_message;
static uint64_t identifier;
static size_t longest;

static int dial(Line *line) {
    line->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (line->fd < 0) return 0;
    int on = 1;
    setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(line->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS) {
        close(line->fd);
        return 0;
    }
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.ptr = line};
    epoll_ctl(epoll, EPOLL_CTL_ADD, line->fd, &event);
    line->open = 1;
    return 1;
}

static void drop(Line *line) {
    if (line->open) close(line->fd);
    line->open = 0;
    line->busy = 0;
}

static void push(Line *line) {
    while (line->busy && line->sent < line->message->length) {
        ssize_t n = send(line->fd, line->copy + line->sent, line->message->length - line->sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        line->sent += (size_t)n;
        bytes_out += (uint64_t)n;
    }
}

static void begin(Line *line, int64_t due) {
    line->message = &messages[next_message++ % message_count];
    memcpy(line->copy, line->message->text, line->message->length);
    if (line->message->has_mark) {
        char id[MARK + 1];
        snprintf(id, sizeof id, "L%029llu", (unsigned long long)identifier++);
        memcpy(line->copy + line->message->mark, id, MARK);
    }
    line->sent = 0;
    line->have = 0;
    line->need = 0;
    line->busy = 1;
    line->due = due;
    line->began = now_us();
    sent++;
    push(line);
}

static uint64_t occurrences(const char *text, size_t length, const char *what) {
    uint64_t found = 0;
    size_t width = strlen(what);
    const char *at = text, *end = text + length;
    while ((at = memmem(at, (size_t)(end - at), what, width))) {
        found++;
        at += width;
    }
    return found;
}

static void finish(Line *line) {
    int64_t took = now_us() - line->due;
    histogram[bucket(took)]++;
    if ((uint64_t)took > largest) largest = (uint64_t)took;
    answered++;
    int status = atoi(line->answer + 9);
    size_t rest = line->have - (size_t)line->header;
    const char *body = line->answer + line->header;
    if (status == 200 && memmem(body, rest, "\"infcode\":0", 11)) {
        // "accepted, not yet audited"
        if (memmem(body, rest, "\xe5\xb7\xb2\xe5\x8f\x97\xe7\x90\x86", 9)) degraded++;
        else good++;
        findings += occurrences(body, rest, "\"jr_id\"");
    } else if (status == 503) {
        refused++;
    } else {
        failed++;
    }
    line->busy = 0;
}

// 1 when the answer is whole, 0 when more is to come, -1 when the connection is of no use any more.
static int pull(Line *line) {
    while (1) {
        if (line->capacity - line->have < 65536) {
            line->capacity = line->capacity * 2 + 131072;
            line->answer = realloc(line->answer, line->capacity + 1);
        }
        ssize_t n = recv(line->fd, line->answer + line->have, line->capacity - line->have, 0);
        if (n == 0) return -1;
        if (n < 0) return errno == EAGAIN ? 0 : -1;
        line->have += (size_t)n;
        line->answer[line->have] = 0;
        if (!line->need) {
            char *end = memmem(line->answer, line->have, "\r\n\r\n", 4);
            if (!end) continue;
            char *length = strcasestr(line->answer, "content-length:");
            line->header = (int)(end + 4 - line->answer);
            line->need = (size_t)line->header + (length ? (size_t)atol(length + 15) : 0);
        }
        if (line->have >= line->need) return 1;
    }
}

static void load(const char *path, const char *host) {
    FILE *file = fopen(path, "r");
    if (!file) { perror(path); exit(2); }
    char *text = NULL;
    size_t capacity = 0;
    ssize_t n;
    while ((n = getline(&text, &capacity, file)) > 0) {
        if (text[n - 1] == '\n') n--;
        if (n == 0) continue;
        messages = realloc(messages, (message_count + 1) * sizeof *messages);
        Message *message = &messages[message_count++];
        const char *number = strstr(text, "\"infno\":");
        char infno[8] = "3101";
        if (number) sscanf(number + 8, " \"%7[0-9A-Z]", infno);
        char *whole = malloc((size_t)n + 512);
        int head = sprintf(whole,
            "POST /%s HTTP/1.1\r\nhost: %s\r\ncontent-type: application/json\r\ncontent-length: %zd\r\n\r\n", infno, host, n);
        memcpy(whole + head, text, (size_t)n);
        message->text = whole;
        message->length = (size_t)head + (size_t)n;
        message->body = (size_t)n;
        char *mark = memmem(whole, message->length, "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@", MARK);
        message->has_mark = mark != NULL;
        message->mark = mark ? (size_t)(mark - whole) : 0;
        if (message->length > longest) longest = message->length;
    }
    fclose(file);
}

int main(int count, char **words) {
    if (count != 8) { fprintf(stderr, "load HOST PORT MESSAGES RATE CONNECTIONS SECONDS TIMEOUT_MS\n"); return 2; }
    double rate = atof(words[4]), seconds = atof(words[6]);
    int lines = atoi(words[5]);
    int64_t limit = (int64_t)atoi(words[7]) * 1000;
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(words[2]));
    inet_pton(AF_INET, words[1], &address.sin_addr);
    load(words[3], words[1]);
    if (!message_count) { fprintf(stderr, "no messages\n"); return 2; }
    identifier = (uint64_t)time(NULL) * 1000000000ULL + (uint64_t)getpid() * 10000ULL;
    epoll = epoll_create1(0);
    Line *all = calloc((size_t)lines, sizeof *all);
    for (int i = 0; i < lines; i++) {
        all[i].copy = malloc(longest);
        if (!dial(&all[i])) { perror("connect"); return 1; }
    }
    usleep(200000);
    struct epoll_event events[512];
    int64_t start = now_us(), end = start + (int64_t)(seconds * 1e6), due_count = 0, drain = end + 3000000;
    int *free_lines = malloc(sizeof(int) * (size_t)lines), free_count = 0;
    for (int i = lines - 1; i >= 0; i--) free_lines[free_count++] = i;
    int64_t next_check = start;
    while (1) {
        int64_t now = now_us();
        if (now < end) {
            while (free_count > 0) {
                int64_t due = rate > 0 ? start + (int64_t)((double)due_count * 1e6 / rate) : now;
                if (due > now) break;
                Line *line = &all[free_lines[--free_count]];
                if (!line->open && !dial(line)) { free_count++; failed++; break; }
                due_count++;
                begin(line, due);
            }
        } else if (free_count == lines || now > drain) {
            break;
        }
        int wait = 1;
        if (rate > 0 && free_count > 0 && now < end) {
            int64_t due = start + (int64_t)((double)due_count * 1e6 / rate);
            wait = due <= now ? 0 : 1;
        }
        int n = epoll_wait(epoll, events, 512, wait);
        for (int i = 0; i < n; i++) {
            Line *line = events[i].data.ptr;
            if (!line->open) continue;
            int whole = 0;
            if (events[i].events & EPOLLOUT) push(line);
            if (events[i].events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) whole = pull(line);
            if (whole == 1 && line->busy) {
                finish(line);
                char *closes = memmem(line->answer, (size_t)line->header, "connection: close", 17);
                if (closes) drop(line);
                free_lines[free_count++] = (int)(line - all);
            } else if (whole == -1) {
                int was = line->busy;
                if (was) failed++;
                drop(line);
                if (was) free_lines[free_count++] = (int)(line - all);
            }
        }
        if (now >= next_check) {
            next_check = now + 50000;
            for (int i = 0; i < lines; i++)
                if (all[i].busy && now - all[i].began > limit) {
                    timeouts++;
                    drop(&all[i]);
                    free_lines[free_count++] = i;
                }
        }
    }
    double took = (double)(now_us() - start) / 1e6;
    double offered = took < seconds ? took : seconds;
    double unsent = rate > 0 ? rate * seconds - (double)due_count : 0;
    printf("{\"rate\": %.0f, \"connections\": %d, \"seconds\": %.1f, \"sent\": %llu, \"answered\": %llu, \"audited\": %llu, "
           "\"degraded\": %llu, \"refused\": %llu, \"failed\": %llu, \"timeouts\": %llu, \"unsent\": %.0f, \"findings\": %llu, "
           "\"per_second\": %.0f, \"megabytes_out\": %.0f, \"p50_ms\": %.2f, \"p99_ms\": %.2f, \"p999_ms\": %.2f, \"max_ms\": %.2f}\n",
           rate, lines, offered, (unsigned long long)sent, (unsigned long long)answered, (unsigned long long)good,
           (unsigned long long)degraded, (unsigned long long)refused, (unsigned long long)failed,
           (unsigned long long)timeouts, unsent < 0 ? 0 : unsent, (unsigned long long)findings, (double)good / offered, (double)bytes_out / 1e6,
           percentile(answered, .5) / 1e3, percentile(answered, .99) / 1e3, percentile(answered, .999) / 1e3,
           (double)largest / 1e3);
    return 0;
}
