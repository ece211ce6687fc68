// A library for LD_PRELOAD that counts a process's calls that change files, and at one of them
// kills the process or lets the call fail.
//
// FAULT_AT    the call, from 1 on; 0: none
// FAULT_DOES  kill: SIGKILL before the call; torn: SIGKILL after half of a write;
//             a number: the call fails with this errno; "28+": so do all later ones that write
// FAULT_IN    counts only calls on files and folders whose path contains this
// FAULT_TRACE a file to which a letter is added for each call: w write, s sync, r rename,
//             o create, l link, t truncate, u unlink, d make folder
#undef _FILE_OFFSET_BITS  // else pwrite and pwrite64 would be one name
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct Plan {
  int64_t at = 0;
  bool kills = false, tears = false, lasts = false;
  int error = 0, trace = -1;
  const char* in = std::getenv("FAULT_IN");

  Plan() {
    if (const char* text = std::getenv("FAULT_AT")) at = std::atoll(text);
    const char* does = std::getenv("FAULT_DOES");
    if (does == nullptr) does = "kill";
    kills = std::strcmp(does, "kill") == 0;
    tears = std::strcmp(does, "torn") == 0;
    error = std::atoi(does);
    lasts = std::strchr(does, '+') != nullptr;
    if (const char* file = std::getenv("FAULT_TRACE"))
      trace = static_cast<int>(
          ::syscall(SYS_openat, AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  }
};

const Plan& plan() {
  static const Plan out;
  return out;
}

std::atomic<int64_t> calls{0};

enum class Turn { passes, fails, tears };

bool is_counted(const char* path) {
  return plan().in == nullptr || std::strstr(path, plan().in) != nullptr;
}

bool is_counted(int descriptor) {
  if (plan().in == nullptr) return true;
  char link[32], path[4096];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = ::readlink(link, path, sizeof path - 1);
  path[size < 0 ? 0 : size] = '\0';
  return is_counted(path);
}

/// What happens to the next call, on a descriptor or a path.
template <typename File>
Turn next(char kind, File file) {
  if (!is_counted(file)) return Turn::passes;
  if (plan().trace >= 0) ::syscall(SYS_write, plan().trace, &kind, 1);
  const int64_t call = ++calls;
  const bool is_now = call == plan().at;
  const bool grows = kind == 'w' || kind == 'o' || kind == 't' || kind == 'd' || kind == 's';
  if (plan().at == 0 || !(is_now || (plan().lasts && grows && call > plan().at)))
    return Turn::passes;
  if (plan().tears && kind == 'w') return Turn::tears;
  if (plan().kills || plan().tears) ::kill(::getpid(), SIGKILL);
  errno = plan().error;
  return Turn::fails;
}

/// Output to the terminal and to pipes is not counted.
bool counts(int descriptor) {
  struct stat about {};
  return descriptor > 2 && ::fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode);
}

template <typename Function>
Function next_function(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

template <typename Write>
ssize_t write_or_fail(int descriptor, size_t bytes, const Write& write) {
  if (!counts(descriptor)) return write(bytes);
  switch (next('w', descriptor)) {
    case Turn::fails:
      return -1;
    case Turn::tears:
      write(bytes / 2);
      ::kill(::getpid(), SIGKILL);
      return -1;
    case Turn::passes:
      break;
  }
  return write(bytes);
}

int open_or_fail(const char* name, const char* path, int flags, mode_t mode) {
  if ((flags & O_CREAT) != 0 && std::strncmp(path, "/dev/", 5) != 0 &&
      next('o', path) == Turn::fails)
    return -1;
  return next_function<int (*)(const char*, int, mode_t)>(name)(path, flags, mode);
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* data, size_t bytes) {
  static const auto real = next_function<ssize_t (*)(int, const void*, size_t)>("write");
  return write_or_fail(descriptor, bytes, [&](size_t n) { return real(descriptor, data, n); });
}

ssize_t pwrite(int descriptor, const void* data, size_t bytes, off_t at) {
  static const auto real = next_function<ssize_t (*)(int, const void*, size_t, off_t)>("pwrite");
  return write_or_fail(descriptor, bytes, [&](size_t n) { return real(descriptor, data, n, at); });
}

ssize_t pwrite64(int descriptor, const void* data, size_t bytes, off64_t at) {
  static const auto real =
      next_function<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  return write_or_fail(descriptor, bytes, [&](size_t n) { return real(descriptor, data, n, at); });
}

int fsync(int descriptor) {
  static const auto real = next_function<int (*)(int)>("fsync");
  return next('s', descriptor) == Turn::fails ? -1 : real(descriptor);
}

int rename(const char* from, const char* to) {
  static const auto real = next_function<int (*)(const char*, const char*)>("rename");
  return next('r', from) == Turn::fails ? -1 : real(from, to);
}

int link(const char* from, const char* to) {
  static const auto real = next_function<int (*)(const char*, const char*)>("link");
  return next('l', to) == Turn::fails ? -1 : real(from, to);
}

int unlink(const char* path) {
  static const auto real = next_function<int (*)(const char*)>("unlink");
  return next('u', path) == Turn::fails ? -1 : real(path);
}

int remove(const char* path) {
  static const auto real = next_function<int (*)(const char*)>("remove");
  return next('u', path) == Turn::fails ? -1 : real(path);
}

int mkdir(const char* path, mode_t mode) {
  static const auto real = next_function<int (*)(const char*, mode_t)>("mkdir");
  return next('d', path) == Turn::fails ? -1 : real(path, mode);
}

int ftruncate(int descriptor, off_t size) {
  static const auto real = next_function<int (*)(int, off_t)>("ftruncate");
  return next('t', descriptor) == Turn::fails ? -1 : real(descriptor, size);
}

int ftruncate64(int descriptor, off64_t size) {
  static const auto real = next_function<int (*)(int, off64_t)>("ftruncate64");
  return next('t', descriptor) == Turn::fails ? -1 : real(descriptor, size);
}

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_or_fail("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_or_fail("open64", path, flags, mode);
}

}  // extern "C"
