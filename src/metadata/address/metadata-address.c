// SPDX-License-Identifier: Apache-2.0
/*
 * Puts the address of the metadata server on the node's loopback interface, or takes it away:
 *
 *     metadata-address claim 100.100.100.200
 *     metadata-address release 100.100.100.200
 *
 * Runs once, before the server, with CAP_NET_ADMIN in the node's network namespace; the server itself does not have that
 * right. Doing it twice changes nothing. Speaks netlink (rtnetlink(7)), so that address and prefix come at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* netlink(7), rtnetlink(7): written out, since musl brings no kernel headers. */
enum { NETLINK_ROUTE = 0, NLMSG_ERROR = 2, RTM_NEWADDR = 20, RTM_DELADDR = 21 };
enum { NLM_F_REQUEST = 0x001, NLM_F_ACK = 0x004, NLM_F_EXCL = 0x200, NLM_F_CREATE = 0x400 };
enum { IFA_ADDRESS = 1, IFA_LOCAL = 2, RT_SCOPE_HOST = 254 };

struct header {
  uint32_t length;
  uint16_t type;
  uint16_t flags;
  uint32_t sequence;
  uint32_t port;
};

struct attribute {
  uint16_t length;
  uint16_t type;
  struct in_addr address;
};

struct request {
  struct header header;
  uint8_t family;
  uint8_t prefix_length;
  uint8_t flags;
  uint8_t scope;
  uint32_t interface;
  struct attribute local;
  struct attribute address;
};

struct reply {
  struct header header;
  int32_t error;
  char rest[1024];
};

static int fail(const char *what) {
  fprintf(stderr, "metadata-address: %s: %s\n", what, strerror(errno));
  return 1;
}

/* The error number of the kernel's answer, 0 for none. */
static int answer(int channel) {
  struct reply reply;
  ssize_t size = recv(channel, &reply, sizeof reply, 0);
  if (size < 0) return errno;
  if ((size_t)size < sizeof reply.header + sizeof reply.error || reply.header.type != NLMSG_ERROR) return EPROTO;
  return -reply.error;
}

int main(int argc, char **argv) {
  int claim = argc == 3 && strcmp(argv[1], "claim") == 0;
  int release = argc == 3 && strcmp(argv[1], "release") == 0;
  struct in_addr address;
  if ((!claim && !release) || inet_pton(AF_INET, argv[2], &address) != 1) {
    fprintf(stderr, "usage: metadata-address claim|release ADDRESS\n");
    return 2;
  }
  struct request request = {
      .header = {.length = sizeof request,
                 .type = claim ? RTM_NEWADDR : RTM_DELADDR,
                 .flags = NLM_F_REQUEST | NLM_F_ACK | (claim ? NLM_F_CREATE | NLM_F_EXCL : 0)},
      .family = AF_INET,
      .prefix_length = 32,
      .scope = RT_SCOPE_HOST,
      .interface = if_nametoindex("lo"),
      .local = {.length = sizeof(struct attribute), .type = IFA_LOCAL, .address = address},
      .address = {.length = sizeof(struct attribute), .type = IFA_ADDRESS, .address = address}};
  int channel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (channel < 0) return fail("socket");
  if (send(channel, &request, sizeof request, 0) < 0) return fail("send");
  errno = answer(channel);
  close(channel);
  if (errno == 0 || errno == (claim ? EEXIST : EADDRNOTAVAIL)) return 0;
  return fail(argv[1]);
}
