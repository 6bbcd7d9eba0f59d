// SPDX-License-Identifier: Apache-2.0
//
// What a program needs of the kernel when it links no libc: it then runs on any node, whatever that node's libc is.
// Linux on x86_64 and aarch64; the calls are those of every kernel since 3.x.
#pragma once

typedef unsigned long size_t;
typedef long ssize_t;

#if defined(__x86_64__)
enum { SYS_READ = 0, SYS_WRITE = 1, SYS_CLOSE = 3, SYS_NANOSLEEP = 35, SYS_SOCKET = 41, SYS_CONNECT = 42,
			 SYS_SETSOCKOPT = 54, SYS_CLOCK_GETTIME = 228, SYS_EXIT_GROUP = 231 };
#elif defined(__aarch64__)
enum { SYS_READ = 63, SYS_WRITE = 64, SYS_CLOSE = 57, SYS_NANOSLEEP = 101, SYS_SOCKET = 198, SYS_CONNECT = 203,
			 SYS_SETSOCKOPT = 208, SYS_CLOCK_GETTIME = 113, SYS_EXIT_GROUP = 94 };
#else
#error "write down this architecture's system calls"
#endif

enum { EINTR = 4, EAGAIN = 11, AF_UNIX = 1, SOCK_STREAM = 1, SOL_SOCKET = 1, SO_RCVTIMEO = 20, CLOCK_MONOTONIC = 1 };

struct timespec { long seconds, nanoseconds; };
struct timeval { long seconds, microseconds; };
struct sockaddr_un { unsigned short family; char path[108]; };

static inline long call(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	__asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
									 : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
	return x0;
#endif
}

static inline ssize_t sys_read(int fd, void *to, size_t size) { return call(SYS_READ, fd, (long)to, size, 0, 0); }
static inline ssize_t sys_write(int fd, const void *from, size_t size) {
	return call(SYS_WRITE, fd, (long)from, size, 0, 0);
}
static inline int sys_close(int fd) { return call(SYS_CLOSE, fd, 0, 0, 0, 0); }
static inline int sys_socket(void) { return call(SYS_SOCKET, AF_UNIX, SOCK_STREAM, 0, 0, 0); }
static inline int sys_connect(int fd, const struct sockaddr_un *to) {
	return call(SYS_CONNECT, fd, (long)to, sizeof *to, 0, 0);
}
static inline void sys_receive_timeout(int fd, long seconds) {
	struct timeval limit = {seconds, 0};
	call(SYS_SETSOCKOPT, fd, SOL_SOCKET, SO_RCVTIMEO, (long)&limit, sizeof limit);
}
static inline long sys_seconds(void) {
	struct timespec now = {0, 0};
	call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, (long)&now, 0, 0, 0);
	return now.seconds;
}
static inline void sys_pause(long milliseconds) {
	struct timespec span = {0, milliseconds * 1000000};
	call(SYS_NANOSLEEP, (long)&span, 0, 0, 0, 0);
}
static inline void sys_exit(int code) {
	for (;;) call(SYS_EXIT_GROUP, code, 0, 0, 0, 0);
}

// The compiler may call these by itself.
void *memcpy(void *to, const void *from, size_t size) {
	for (size_t at = 0; at < size; at++) ((volatile char *)to)[at] = ((const char *)from)[at];
	return to;
}
void *memset(void *to, int value, size_t size) {
	for (size_t at = 0; at < size; at++) ((volatile char *)to)[at] = (char)value;
	return to;
}

// The kernel starts a program with argc, argv and the environment on the stack.
int run(char **environment);
__attribute__((used)) static void begin(long *stack) { sys_exit(run((char **)(stack + 1 + stack[0] + 1))); }
#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call begin\n");
#else
__asm__(".globl _start\n_start:\n  mov x29, #0\n  mov x0, sp\n  bl begin\n");
#endif
