/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading and writing the address of a cgroup socket-address hook. The verifier wants every word of user_ip6 touched
 * by itself, with a constant offset.
 */
#ifndef AMBIENT_SOCK_ADDR_H
#define AMBIENT_SOCK_ADDR_H

#include "redirect.h"

/* The destination of a hook for IPv4 (`v6` 0) or IPv6; a mapped address comes out as the IPv4 address that it is. */
static __always_inline void read_address(struct bpf_sock_addr *ctx, int v6, struct destination *into)
{
	into->port = (__u16)ctx->user_port;
	if (!v6) {
		into->family = AF_INET;
		into->address.words[0] = ctx->user_ip4;
		return;
	}
	into->family = AF_INET6;
	into->address.words[0] = ctx->user_ip6[0];
	into->address.words[1] = ctx->user_ip6[1];
	into->address.words[2] = ctx->user_ip6[2];
	into->address.words[3] = ctx->user_ip6[3];
	unmap(&into->address, &into->family);
}

static __always_inline void write_address(struct bpf_sock_addr *ctx, int v6, const struct destination *from)
{
	ctx->user_port = from->port;
	if (!v6) {
		ctx->user_ip4 = from->address.words[0];
		return;
	}
	if (from->family == AF_INET) {
		ctx->user_ip6[0] = 0;
		ctx->user_ip6[1] = 0;
		ctx->user_ip6[2] = MAPPED;
		ctx->user_ip6[3] = from->address.words[0];
		return;
	}
	ctx->user_ip6[0] = from->address.words[0];
	ctx->user_ip6[1] = from->address.words[1];
	ctx->user_ip6[2] = from->address.words[2];
	ctx->user_ip6[3] = from->address.words[3];
}

/* ztunnel's listener of a family: 127.0.0.1 or ::1. */
static __always_inline void write_proxy(struct bpf_sock_addr *ctx, int v6, __u16 family, __u16 port)
{
	struct destination proxy = { .port = bpf_htons(port), .family = family };

	if (family == AF_INET)
		proxy.address.words[0] = LOOPBACK4;
	else
		proxy.address.words[3] = bpf_htonl(1);
	write_address(ctx, v6, &proxy);
}

static __always_inline int is_loopback(const struct destination *destination)
{
	return destination->family == AF_INET ? is_loopback4(destination->address.words[0]) :
						is_loopback6(&destination->address);
}

static __always_inline int is_own_socket(const struct bpf_sock *sk)
{
	return (sk->mark & PACKET_MARK_MASK) == PACKET_MARK;
}

#endif
