// SPDX-License-Identifier: Apache-2.0
// An application for end-to-end tests that says what it was given. Alone in its image: no shell, no libc.
//
//   test-app [--serve] [--exit N] [NAME | /PATH]…
//
// Prints one line for each environment variable NAME and file /PATH:
//   <monotonic ms> <wall-clock ms> ENV NAME=<base64>      or  FILE /PATH=<base64>      or  … MISSING
// --serve  stays, prints a file's line again whenever its content changes, ends with 0 on SIGTERM at once
// --exit N ends with status N (0 without it)
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { max_content_bytes = 4 << 20, poll_ms = 20 };

struct subject {
  const char *name;
  char *content; // what was printed last; null when it was missing
  size_t bytes;
};

static long long milliseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void print_base64(const unsigned char *data, size_t bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t at = 0; at < bytes; at += 3) {
    size_t left = bytes - at;
    unsigned group = data[at] << 16 | (left > 1 ? data[at + 1] << 8 : 0) | (left > 2 ? data[at + 2] : 0);
    putchar(digits[group >> 18]);
    putchar(digits[group >> 12 & 63]);
    putchar(left > 1 ? digits[group >> 6 & 63] : '=');
    putchar(left > 2 ? digits[group & 63] : '=');
  }
}

static void print_subject(const struct subject *subject) {
  const char *kind = subject->name[0] == '/' ? "FILE" : "ENV";
  printf("%lld %lld %s %s", milliseconds(CLOCK_MONOTONIC), milliseconds(CLOCK_REALTIME), kind, subject->name);
  if (subject->content) {
    putchar('=');
    print_base64((const unsigned char *)subject->content, subject->bytes);
  } else {
    fputs(" MISSING", stdout);
  }
  putchar('\n');
  fflush(stdout);
}

static char *read_file(const char *path, size_t *bytes) {
  static char buffer[max_content_bytes];
  int file = open(path, O_RDONLY);
  if (file < 0) return 0;
  ssize_t got;
  for (*bytes = 0; (got = read(file, buffer + *bytes, sizeof buffer - *bytes)) > 0;) *bytes += (size_t)got;
  close(file);
  if (got < 0) return 0; // a folder, for example
  char *copy = malloc(*bytes + 1);
  if (!copy) abort();
  return memcpy(copy, buffer, *bytes);
}

static char *read_subject(const char *name, size_t *bytes) {
  if (name[0] == '/') return read_file(name, bytes);
  const char *value = getenv(name);
  *bytes = value ? strlen(value) : 0;
  return value ? strdup(value) : 0;
}

// Reads again; returns whether the content is another one.
static int refresh(struct subject *subject) {
  size_t bytes = 0;
  char *content = read_subject(subject->name, &bytes);
  int same = !content == !subject->content && bytes == subject->bytes && (!content || !memcmp(content, subject->content, bytes));
  free(subject->content);
  subject->content = content;
  subject->bytes = bytes;
  return !same;
}

static void end(int signal) {
  (void)signal;
  _exit(0);
}

int main(int count, char **arguments) {
  struct subject *subjects = calloc((size_t)count, sizeof *subjects);
  int subject_count = 0, serve = 0, status = 0;
  if (!subjects) abort();
  signal(SIGTERM, end);
  signal(SIGINT, end);
  for (int at = 1; at < count; at++) {
    if (!strcmp(arguments[at], "--serve")) {
      serve = 1;
    } else if (!strcmp(arguments[at], "--exit") && at + 1 < count) {
      status = atoi(arguments[++at]);
    } else {
      subjects[subject_count++].name = arguments[at];
    }
  }
  for (int at = 0; at < subject_count; at++) {
    refresh(&subjects[at]);
    print_subject(&subjects[at]);
  }
  while (serve) {
    usleep(poll_ms * 1000);
    for (int at = 0; at < subject_count; at++) {
      if (subjects[at].name[0] == '/' && refresh(&subjects[at])) print_subject(&subjects[at]);
    }
  }
  return status;
}
