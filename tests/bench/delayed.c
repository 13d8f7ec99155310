/* A server whose delays are known: delayed PORT MODE. Answers each request when its delay is over, and tells how far off
 * it was itself. One thread, epoll, one timerfd (nanoseconds) armed for the next answer.
 *
 *   MODE constant  20 ms
 *        bimodal   10 ms, and 200 ms for each tenth request (by number, so that the share is exact)
 *        freeze    20 ms; `GET /freeze` stops the whole process for 2 s
 *
 * `GET /error` answers at once, in microseconds: {"answers", "p50", "p99", "max", "frozen"}: how much later than due the
 * answers were handed to the kernel, and how long the freeze really was. One request at a time on a connection.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define MOST 70000
#define LANES 3
#define LONGEST_ERROR 100000 /* microseconds; more is counted as this */

typedef struct { uint64_t due; int fd; } Answer;
/* Answers of one delay come due in the order they were asked: a ring for each delay, no heap. */
typedef struct { uint64_t delay; Answer ring[MOST]; unsigned head, tail; } Lane;

static Lane lanes[LANES];
static unsigned errors[LONGEST_ERROR + 1];
static uint64_t answers, largest, frozen, asked;

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void send_body(int fd, const char *body) {
    char text[512];
    int n = snprintf(text, sizeof text,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET && errno != EBADF)
        perror("send");
}

static uint64_t quantile(double q) {
    uint64_t rank = (uint64_t)(q * (double)answers), seen = 0;
    for (unsigned i = 0; i <= LONGEST_ERROR; i++)
        if ((seen += errors[i]) > rank)
            return i;
    return LONGEST_ERROR;
}

static void tell_error(int fd) {
    char body[256];
    snprintf(body, sizeof body, "{\"answers\":%lu,\"p50\":%lu,\"p99\":%lu,\"max\":%lu,\"frozen\":%lu}",
             (unsigned long)answers, (unsigned long)quantile(0.5), (unsigned long)quantile(0.99),
             (unsigned long)largest, (unsigned long)frozen);
    send_body(fd, body);
}

static void freeze(int fd) {
    uint64_t began = now();
    send_body(fd, "{}");
    struct timespec two = {2, 0};
    nanosleep(&two, NULL);
    frozen = (now() - began) / 1000;
}

static void answer_due(void) {
    for (int i = 0; i < LANES; i++) {
        Lane *lane = &lanes[i];
        while (lane->head != lane->tail && lane->ring[lane->head % MOST].due <= now()) {
            Answer *a = &lane->ring[lane->head++ % MOST];
            uint64_t late = (now() - a->due) / 1000;
            errors[late < LONGEST_ERROR ? late : LONGEST_ERROR]++;
            if (late > largest)
                largest = late;
            answers++;
            send_body(a->fd, "{\"id\":\"inv-0001\",\"period\":\"2026-10\",\"amount_cents\":4200,\"currency\":\"EUR\"}");
        }
    }
}

static void arm(int timer) {
    uint64_t next = 0;
    for (int i = 0; i < LANES; i++)
        if (lanes[i].head != lanes[i].tail) {
            uint64_t due = lanes[i].ring[lanes[i].head % MOST].due;
            if (!next || due < next)
                next = due;
        }
    struct itimerspec when = {{0, 0}, {(time_t)(next / 1000000000u), (long)(next % 1000000000u)}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void read_from(int fd, int bimodal) {
    char text[4096];
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    if (n <= 0) {
        close(fd);
        return;
    }
    text[n] = 0;
    if (!strncmp(text, "GET /error", 10)) {
        tell_error(fd);
    } else if (!strncmp(text, "GET /freeze", 11)) {
        freeze(fd);
    } else {
        Lane *lane = &lanes[bimodal ? (++asked % 10 ? 1 : 2) : 0];
        lane->ring[lane->tail++ % MOST] = (Answer){now() + lane->delay, fd};
    }
}

int main(int argc, char **argv) {
    if (argc != 3)
        return 2;
    int bimodal = !strcmp(argv[2], "bimodal"), one = 1;
    lanes[0].delay = 20000000;
    lanes[1].delay = 10000000;
    lanes[2].delay = 200000000;
    struct rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 8192)) {
        perror("listen");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[512];
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    event.data.fd = timer;
    epoll_ctl(poll, EPOLL_CTL_ADD, timer, &event);
    for (;;) {
        int n = epoll_wait(poll, ready, 512, -1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd, accepted;
            uint64_t expired;
            if (fd == timer) {
                if (read(timer, &expired, sizeof expired) < 0 && errno != EAGAIN)
                    perror("timer");
            } else if (fd == listener) {
                while ((accepted = accept4(listener, NULL, NULL, 0)) >= 0) {
                    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                    event.data.fd = accepted;
                    epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event);
                }
            } else {
                read_from(fd, bimodal);
            }
            answer_due();
        }
        arm(timer);
    }
}
