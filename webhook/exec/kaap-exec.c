// SPDX-License-Identifier: Apache-2.0
/*
 * The static program of the agent's image. It needs no shell, no libc on disk and next to no memory.
 *
 *   kaap-exec wait FILE [SECONDS]          returns 0 once FILE exists; 124 when SECONDS have passed
 *   kaap-exec hold                         waits for SIGTERM or SIGINT, then returns 0; reaps children (it may be PID 1)
 *   kaap-exec exec --env-file F -- CMD...  sets the variables of F, then becomes CMD
 *   kaap-exec exec --environ F -- CMD...   the same, where F is NAME=value and a NUL each: any value that Linux can pass
 *
 * The env file is that of KEP-3721: NAME='value', where a value may span lines and holds no single quote. Blank lines and
 * lines that begin with # mean nothing. Messages name lines and variables, never values.
 *
 * Build: musl-gcc -Os -static -s -o kaap-exec kaap-exec.c
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FAILED = 125, NOT_EXECUTABLE = 126, NOT_FOUND = 127, TIMED_OUT = 124, USAGE = 64 };

/* The kubelet reads no longer env file; neither does this. Linux takes little more than the other as an environment. */
enum { MAX_ENV_FILE = 64 * 1024, MAX_ENVIRON = 1024 * 1024 };

/* How often to look where inotify is not to be had (its instances are limited per user and node). */
enum { POLL_MS = 5 };

static void say(const char *text) {
  ssize_t written = write(STDERR_FILENO, text, strlen(text));
  (void)written;
}

static int fail(int status, const char *what, const char *about) {
  say("kaap-exec: ");
  say(what);
  if (about != NULL) {
    say(": ");
    say(about);
  }
  say("\n");
  return status;
}

/* A decimal number from 0 to 999999999, or -1. */
static long number(const char *text) {
  long value = 0;
  size_t length = strlen(text);
  if (length == 0 || length > 9) return -1;
  for (const char *at = text; *at != '\0'; at++) {
    if (*at < '0' || *at > '9') return -1;
    value = value * 10 + (*at - '0');
  }
  return value;
}

static long long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Watches the folder of `file`. Gives a descriptor, or -1 when there is none to be had. */
static int watch_folder(const char *file) {
  char folder[4096] = ".";
  const char *slash = strrchr(file, '/');
  size_t length = slash == NULL ? 0 : (size_t)(slash - file);
  if (length >= sizeof folder) return -1;
  if (slash != NULL) {
    memcpy(folder, file, length);
    folder[length] = '\0';
    if (length == 0) memcpy(folder, "/", 2);
  }
  int descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (descriptor >= 0 && inotify_add_watch(descriptor, folder, IN_CREATE | IN_MOVED_TO) < 0) {
    close(descriptor);
    return -1;
  }
  return descriptor;
}

static int exists(const char *file) {
  struct stat status;
  return stat(file, &status) == 0;
}

static int wait_for(const char *file, long seconds) {
  long long deadline = seconds < 0 ? -1 : now_ms() + (long long)seconds * 1000;
  int descriptor = watch_folder(file);
  /* Looked for after the watch is set: what appears in between is not missed. */
  while (!exists(file)) {
    long long left = deadline < 0 ? 60000 : deadline - now_ms();
    if (left <= 0) return fail(TIMED_OUT, "gave up waiting for", file);
    if (descriptor < 0) {
      poll(NULL, 0, left < POLL_MS ? (int)left : POLL_MS);
      continue;
    }
    struct pollfd watched = {.fd = descriptor, .events = POLLIN};
    if (poll(&watched, 1, left < 60000 ? (int)left : 60000) > 0) {
      char events[4096];
      while (read(descriptor, events, sizeof events) > 0) {
      }
    }
  }
  return 0;
}

/*
 * The signals stay blocked and are taken one by one. A blocked signal is kept even for PID 1, to which the kernel
 * otherwise delivers none that has no handler.
 */
static int hold(void) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGCHLD);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  for (;;) {
    while (waitpid(-1, NULL, WNOHANG) > 0) {
    }
    int signal = 0;
    if (sigwait(&signals, &signal) == 0 && signal != SIGCHLD) return 0;
  }
}

/* The whole file with a NUL after it, and its length; NULL when it cannot be read or is longer than `longest`. */
static char *read_file(const char *file, size_t longest, size_t *size) {
  static char content[MAX_ENVIRON + 1];
  size_t length = 0;
  int descriptor = open(file, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return NULL;
  for (;;) {
    ssize_t count = read(descriptor, content + length, longest + 1 - length);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 || length + (size_t)count > longest) {
      close(descriptor);
      return NULL;
    }
    if (count == 0) break;
    length += (size_t)count;
  }
  close(descriptor);
  content[length] = '\0';
  *size = length;
  return content;
}

/* Sets the variable at `line`. Gives the begin of the next line, or NULL when it is malformed. */
static char *set_variable(char *line) {
  char *equals = line + strcspn(line, "=\n");
  if (*equals != '=' || equals == line || equals[1] != '\'') return NULL;
  char *value = equals + 2;
  char *end = strchr(value, '\'');
  if (end == NULL || (end[1] != '\n' && end[1] != '\0')) return NULL;
  char *next = end[1] == '\n' ? end + 2 : end + 1;
  *equals = '\0';
  *end = '\0';
  return setenv(line, value, 1) == 0 ? next : NULL;
}

/* Sets the variables of an env file. Gives 0, or the status to end with. */
static int set_env_file(const char *file) {
  size_t size = 0;
  char *line = read_file(file, MAX_ENV_FILE, &size);
  if (line == NULL || strlen(line) != size) return fail(FAILED, "cannot read, or too long, or not text", file);
  while (*line != '\0') {
    if (*line == '\n' || *line == '#') {
      line += strcspn(line, "\n");
      if (*line == '\n') line++;
      continue;
    }
    line = set_variable(line);
    if (line == NULL) return fail(FAILED, "has a line that is not NAME='value'", file);
  }
  return 0;
}

/* Sets the variables of a file of NAME=value and NUL. They stay where they were read: putenv takes no copy. */
static int set_environ(const char *file) {
  size_t size = 0;
  char *content = read_file(file, MAX_ENVIRON, &size);
  if (content == NULL) return fail(FAILED, "cannot read, or too long", file);
  if (size > 0 && content[size - 1] != '\0') return fail(FAILED, "does not end with a NUL", file);
  for (char *entry = content; entry < content + size; entry += strlen(entry) + 1) {
    const char *equals = strchr(entry, '=');
    if (equals == NULL || equals == entry) return fail(FAILED, "has an entry that is not NAME=value", file);
    if (putenv(entry) != 0) return fail(FAILED, "has too many variables", file);
  }
  return 0;
}

static int become(int status, char **command) {
  if (status != 0) return status;
  execvp(command[0], command);
  return fail(errno == ENOENT ? NOT_FOUND : NOT_EXECUTABLE, "cannot run", command[0]);
}

int main(int count, char **arguments) {
  const char *mode = count > 1 ? arguments[1] : "";
  if (strcmp(mode, "hold") == 0 && count == 2) return hold();
  if (strcmp(mode, "wait") == 0 && (count == 3 || count == 4)) {
    long seconds = count == 4 ? number(arguments[3]) : -1;
    if (count == 3 || seconds >= 0) return wait_for(arguments[2], seconds);
  }
  if (strcmp(mode, "exec") == 0 && count > 5 && strcmp(arguments[4], "--") == 0) {
    if (strcmp(arguments[2], "--env-file") == 0) return become(set_env_file(arguments[3]), arguments + 5);
    if (strcmp(arguments[2], "--environ") == 0) return become(set_environ(arguments[3]), arguments + 5);
  }
  return fail(USAGE, "usage: kaap-exec wait FILE [SECONDS] | hold | exec --env-file|--environ FILE -- COMMAND...", NULL);
}
