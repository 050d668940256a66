/*
 * Preloaded: keeps beside each file under $POWER_LOSS_DIR what a power loss would leave of it, `<file>.synced`, written at each
 * successful fsync or fdatasync. A file that was deleted comes back unless its folder was synced since. With $POWER_LOSS_FAIL_AT=n the n-th sync of a file that ends in "-wal" fails with EIO.
 *
 * The copy is read through the descriptor that is being synced: opening the file again and closing it would drop the POSIX
 * locks that SQLite holds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef int (*sync_call)(int);

/* The path of what is open as `fd` when it is in the watched folder, or that folder; else 0. */
static int find_path(int fd, char *path, size_t size) {
  const char *folder = getenv("POWER_LOSS_DIR");
  char link[64];
  if (folder == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length <= 0) return 0;
  path[length] = '\0';
  return strncmp(path, folder, strlen(folder)) == 0;
}

/* Written under another name first: a kill in the middle must not leave half a copy. */
static void keep_copy(int fd, const char *path) {
  char unfinished[PATH_MAX + 16], kept[PATH_MAX + 16], buffer[65536];
  snprintf(unfinished, sizeof unfinished, "%s.copying", path);
  snprintf(kept, sizeof kept, "%s.synced", path);
  int out = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (out < 0) abort();
  off_t offset = 0;
  for (ssize_t count; (count = pread(fd, buffer, sizeof buffer, offset)) > 0; offset += count) {
    if (write(out, buffer, (size_t)count) != count) abort();
  }
  close(out);
  if (rename(unfinished, kept) != 0) abort();
}

/* A synced folder remembers which of its files are gone. */
static void forget_deleted(const char *folder) {
  DIR *entries = opendir(folder);
  if (entries == NULL) abort();
  for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
    char kept[PATH_MAX + 16], path[PATH_MAX + 16];
    size_t length = strlen(entry->d_name);
    if (length <= 7 || strcmp(entry->d_name + length - 7, ".synced") != 0) continue;
    snprintf(kept, sizeof kept, "%s/%s", folder, entry->d_name);
    snprintf(path, sizeof path, "%s/%.*s", folder, (int)(length - 7), entry->d_name);
    if (access(path, F_OK) != 0) unlink(kept);
  }
  closedir(entries);
}

static int is_folder(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
}

static int must_fail(const char *path) {
  static int syncs = 0;
  const char *at = getenv("POWER_LOSS_FAIL_AT");
  size_t length = strlen(path);
  if (at == NULL || length < 4 || strcmp(path + length - 4, "-wal") != 0) return 0;
  return ++syncs == atoi(at);
}

static int sync_and_keep(const char *name, int fd) {
  sync_call real = (sync_call)dlsym(RTLD_NEXT, name);
  char path[PATH_MAX];
  int watched = find_path(fd, path, sizeof path);
  if (watched && must_fail(path)) {
    errno = EIO;
    return -1;
  }
  int result = real(fd);
  if (result != 0 || !watched) return result;
  if (is_folder(fd)) forget_deleted(path);
  else keep_copy(fd, path);
  return result;
}

int fsync(int fd) { return sync_and_keep("fsync", fd); }

int fdatasync(int fd) { return sync_and_keep("fdatasync", fd); }
