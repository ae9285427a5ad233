// SPDX-License-Identifier: Apache-2.0
// What the tests of the cluster run in pods.
//
//   probe listen PORT        answers each connection with the address that it comes from
//   probe connect HOST PORT  resolves, connects, prints what it is answered
//   probe write FILE TEXT    writes a file and stays
//   probe wait FILE          ends once the file exists
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void end(int signal) {
  (void)signal;
  _exit(0);
}

static int listen_on(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  int server = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(server, (struct sockaddr *)&address, sizeof address) || listen(server, 16)) return 1;
  for (;;) {
    struct sockaddr_in peer;
    socklen_t size = sizeof peer;
    int client = accept(server, (struct sockaddr *)&peer, &size);
    dprintf(client, "you are %s\n", inet_ntoa(peer.sin_addr));
    close(client);
  }
}

static int connect_to(const char *host, const char *port) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
  if (getaddrinfo(host, port, &hints, &found)) return fputs("cannot resolve\n", stderr), 2;
  int client = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(client, found->ai_addr, found->ai_addrlen)) return perror("connect"), 3;
  char buffer[256];
  for (ssize_t got; (got = read(client, buffer, sizeof buffer)) > 0;) fwrite(buffer, 1, (size_t)got, stdout);
  return 0;
}

static int write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  if (!file || fputs(text, file) < 0 || fclose(file)) return 1;
  for (;;) pause();
}

static int wait_for(const char *path) {
  while (access(path, F_OK)) usleep(10000);
  return 0;
}

int main(int count, char **arguments) {
  signal(SIGTERM, end);
  if (count == 3 && !strcmp(arguments[1], "listen")) return listen_on(arguments[2]);
  if (count == 4 && !strcmp(arguments[1], "connect")) return connect_to(arguments[2], arguments[3]);
  if (count == 4 && !strcmp(arguments[1], "write")) return write_file(arguments[2], arguments[3]);
  if (count == 3 && !strcmp(arguments[1], "wait")) return wait_for(arguments[2]);
  return 64;
}
