/* SPDX-License-Identifier: Apache-2.0
 *
 * What the programs share: the shape of the maps that are pinned under /sys/fs/bpf/ambient/shared, and the ports.
 * runtime/redirect/ebpf/maps.ts writes the same shapes. Addresses and ports are in network order; an IPv4 address is
 * the first word.
 */
#ifndef AMBIENT_REDIRECT_H
#define AMBIENT_REDIRECT_H

#include <linux/bpf.h>
#include <linux/in.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define AF_INET 2
#define AF_INET6 10

#define OUTBOUND_PORT 15001
#define INBOUND_PORT 15006
#define HBONE_PORT 15008
#define DNS_PROXY_PORT 15053
#define DNS_PORT 53

/* fwmark of ztunnel's own sockets (mesh protocol 4.2). */
#define PACKET_MARK 0x539
#define PACKET_MARK_MASK 0xfff

/* 127.0.0.1, 169.254.7.127 and ::ffff:0:0/96's last word, as they stand in a __u32 in network order. */
#define LOOPBACK4 bpf_htonl(0x7f000001)
#define PROBE4 bpf_htonl(0xa9fe077f)
#define MAPPED bpf_htonl(0x0000ffff)

struct address {
	__u32 words[4];
};

/* One end of a connection inside one network namespace; port 0 stands for the address alone. */
struct endpoint {
	__u64 netns;
	struct address address;
	__u16 port;
	__u16 family;
	__u32 zero;
};

/* Where an application wanted to go. */
struct destination {
	struct address address;
	__u16 port;
	__u16 family;
};

struct listener_key {
	__u64 netns;
	__u32 family;
	__u32 zero;
};

/* Source of a captured connection -> its original destination; ztunnel's SO_ORIGINAL_DST reads it. */
struct destinations {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct endpoint);
	__type(value, struct destination);
};

/* The same on the application's own socket, for getpeername and for the answers of the DNS proxy. */
struct asked {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct destination);
};

/*
 * Addresses of a pod's own: what it sends to itself is not captured. Under the address 0 stands the one that its
 * connections come from.
 */
struct own_addresses {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct endpoint);
	__type(value, struct address);
};

/* ztunnel's listener for inbound plaintext in each pod; the kernel takes a closed socket out by itself. */
struct listeners {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4096);
	__type(key, struct listener_key);
	__type(value, __u64);
};

/* Sources from which ztunnel is about to reach an application -> until when, in nanoseconds of the monotonic clock. */
struct deliveries {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct endpoint);
	__type(value, __u64);
};

static __always_inline int is_loopback4(__u32 address)
{
	return (address & bpf_htonl(0xff000000)) == bpf_htonl(0x7f000000);
}

static __always_inline int is_mapped(const struct address *address)
{
	return address->words[0] == 0 && address->words[1] == 0 && address->words[2] == MAPPED;
}

static __always_inline int is_loopback6(const struct address *address)
{
	return address->words[0] == 0 && address->words[1] == 0 && address->words[2] == 0 &&
	       address->words[3] == bpf_htonl(1);
}

/* fd16:9254:7127:1337:ffff:ffff:ffff:ffff, the IPv6 twin of 169.254.7.127 (mesh protocol 4.4). */
static __always_inline int is_probe6(const struct address *address)
{
	return address->words[0] == bpf_htonl(0xfd169254) && address->words[1] == bpf_htonl(0x71271337) &&
	       address->words[2] == 0xffffffff && address->words[3] == 0xffffffff;
}

/* Turns an IPv4 address that stands in IPv6 notation into what it is. */
static __always_inline void unmap(struct address *address, __u16 *family)
{
	if (*family != AF_INET6 || !is_mapped(address))
		return;
	address->words[0] = address->words[3];
	address->words[2] = 0;
	address->words[3] = 0;
	*family = AF_INET;
}

#endif
