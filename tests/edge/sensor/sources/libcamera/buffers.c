/* Preloaded: stands in for /dev/dma_heap and /dev/udmabuf, which a container lacks, with memory files. For tests only.
 * libcamera's `virtual` camera and picamera2 allocate from them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

struct heap_request { uint64_t length; uint32_t fd, fd_flags; uint64_t heap_flags; };
struct udmabuf_request { uint32_t memory, flags; uint64_t offset, size; };
#define FROM_HEAP _IOWR('H', 0, struct heap_request)
#define FROM_MEMORY _IOW('u', 0x42, struct udmabuf_request)
#define SYNC _IOW('b', 0, uint64_t)
#define NAME_32 _IOW('b', 1, uint32_t)
#define NAME_64 _IOW('b', 1, uint64_t)

static const char *place(const char *path) {
  const char *missing[] = {"/dev/dma_heap/linux,cma", "/dev/dma_heap/system", "/dev/udmabuf"};
  for (int i = 0; path && i < 3; i++)
    if (!strcmp(path, missing[i])) return "/dev/null";
  return path;
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define READ_MODE(mode) \
  mode_t mode = 0; \
  if (flags & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { READ_MODE(mode) return NEXT(open)(place(path), flags, mode); }
int open64(const char *path, int flags, ...) { READ_MODE(mode) return NEXT(open64)(place(path), flags, mode); }
int openat(int at, const char *path, int flags, ...) { READ_MODE(mode) return NEXT(openat)(at, place(path), flags, mode); }
int openat64(int at, const char *path, int flags, ...) { READ_MODE(mode) return NEXT(openat64)(at, place(path), flags, mode); }

int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  if (request == FROM_HEAP) {
    struct heap_request *wanted = argument;
    int memory = memfd_create("buffer", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, wanted->length)) return -1;
    wanted->fd = memory;
    return 0;
  }
  if (request == FROM_MEMORY) return fcntl(((struct udmabuf_request *)argument)->memory, F_DUPFD_CLOEXEC, 3);
  if (request == SYNC || request == NAME_32 || request == NAME_64) return 0;
  return NEXT(ioctl)(fd, request, argument);
}
