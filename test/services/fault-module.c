/*
 * A PKCS #11 module that passes everything on to another one, and injects a fault into C_Encrypt, C_Decrypt and C_Sign while
 * a control file says which: "hang", "crash", "removed" (CKR_DEVICE_REMOVED), "closed" (CKR_SESSION_HANDLE_INVALID),
 * "garbage", or "late" (writes into the output buffer half a second after the call has returned). The other module is named by KAAP_FAULT_MODULE, the control file by KAAP_FAULT_FILE.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef unsigned long CK_ULONG;
typedef CK_ULONG (*Crypt)(CK_ULONG, unsigned char *, CK_ULONG, unsigned char *, CK_ULONG *);

/* CK_FUNCTION_LIST (PKCS #11 v2.40): a version, then 68 functions; these are the places of three of them. */
enum { C_ENCRYPT = 30, C_DECRYPT = 34, C_SIGN = 43, FUNCTIONS = 68 };
struct list {
  unsigned char version[sizeof(void *)];
  void *functions[FUNCTIONS];
};

static struct list passed_on;
static struct list *real;

struct late_write {
  unsigned char *to;
  CK_ULONG length;
};

static void *write_late(void *argument) {
  struct late_write *write = argument;
  usleep(500 * 1000);
  memset(write->to, 0, write->length);
  free(write);
  return NULL;
}

static void start_late_write(unsigned char *to, CK_ULONG length) {
  struct late_write *write = malloc(sizeof *write);
  pthread_t thread;
  *write = (struct late_write){to, length};
  if (pthread_create(&thread, NULL, write_late, write) == 0) pthread_detach(thread);
}

static CK_ULONG faulty(int place, CK_ULONG session, unsigned char *in, CK_ULONG in_length, unsigned char *out,
                       CK_ULONG *out_length) {
  char fault[16] = "";
  int file = open(getenv("KAAP_FAULT_FILE"), O_RDONLY);
  if (file >= 0) {
    if (read(file, fault, sizeof fault - 1) < 0) fault[0] = 0;
    close(file);
  }
  if (strcmp(fault, "hang") == 0) pause();
  if (strcmp(fault, "crash") == 0) abort();
  if (strcmp(fault, "removed") == 0) return 0x32;
  if (strcmp(fault, "closed") == 0) return 0xb3;
  CK_ULONG result = ((Crypt)real->functions[place])(session, in, in_length, out, out_length);
  if (strcmp(fault, "late") == 0 && out != NULL) start_late_write(out, *out_length);
  if (strcmp(fault, "garbage") == 0 && result == 0 && out != NULL && *out_length > 0) out[0] ^= 1;
  return result;
}

static CK_ULONG encrypt(CK_ULONG s, unsigned char *in, CK_ULONG n, unsigned char *out, CK_ULONG *m) {
  return faulty(C_ENCRYPT, s, in, n, out, m);
}

static CK_ULONG decrypt(CK_ULONG s, unsigned char *in, CK_ULONG n, unsigned char *out, CK_ULONG *m) {
  return faulty(C_DECRYPT, s, in, n, out, m);
}

static CK_ULONG sign(CK_ULONG s, unsigned char *in, CK_ULONG n, unsigned char *out, CK_ULONG *m) {
  return faulty(C_SIGN, s, in, n, out, m);
}

CK_ULONG C_GetFunctionList(struct list **list) {
  void *module = dlopen(getenv("KAAP_FAULT_MODULE"), RTLD_NOW);
  if (module == NULL) return 5;
  CK_ULONG (*get)(struct list **) = (CK_ULONG(*)(struct list **))dlsym(module, "C_GetFunctionList");
  if (get == NULL || get(&real) != 0) return 5;
  passed_on = *real;
  passed_on.functions[C_ENCRYPT] = (void *)encrypt;
  passed_on.functions[C_DECRYPT] = (void *)decrypt;
  passed_on.functions[C_SIGN] = (void *)sign;
  *list = &passed_on;
  return 0;
}
