// SPDX-License-Identifier: Apache-2.0
//
// On ztunnel's cgroup: its listeners for inbound plaintext become known to the pods' lookup programs, and its
// SO_ORIGINAL_DST is answered as connection tracking would. So ztunnel itself needs to know nothing of eBPF.
// Least kernel: 5.15 (bpf_get_netns_cookie in sockops and getsockopt).
#include "redirect.h"

struct listeners listeners SEC(".maps");
struct destinations destinations SEC(".maps");

#define SOL_IP 0
#define SOL_IPV6 41
#define SO_ORIGINAL_DST 80
#define PAGE 4096

SEC("sockops")
int ztunnel_listens(struct bpf_sock_ops *ctx)
{
	struct listener_key key = {};

	if (ctx->op != BPF_SOCK_OPS_TCP_LISTEN_CB || ctx->local_port != INBOUND_PORT)
		return 1;
	key.netns = bpf_get_netns_cookie(ctx);
	key.family = ctx->family;
	bpf_sock_hash_update(ctx, &listeners, &key, BPF_ANY);
	if (ctx->family == AF_INET6) {
		// An IPv6 listener may serve IPv4 as well, where no IPv4 listener does.
		key.family = AF_INET;
		bpf_sock_hash_update(ctx, &listeners, &key, BPF_NOEXIST);
	}
	return 1;
}

struct sockaddr4 {
	__u16 family;
	__u16 port;
	__u32 address;
	__u64 zero;
};

struct sockaddr6 {
	__u16 family;
	__u16 port;
	__u32 flow;
	struct address address;
	__u32 scope;
};

SEC("cgroup/getsockopt")
int ztunnel_getsockopt(struct bpf_sockopt *ctx)
{
	struct endpoint source = {};
	struct bpf_sock *sk = ctx->sk;
	struct destination *to;
	void *end = ctx->optval_end;
	__u32 length;

	if (ctx->optlen > PAGE)
		goto untouched;
	if (ctx->optname != SO_ORIGINAL_DST || (ctx->level != SOL_IP && ctx->level != SOL_IPV6) || !sk)
		return 1;
	source.netns = bpf_get_netns_cookie(ctx);
	source.port = sk->dst_port;
	source.family = sk->family;
	if (sk->family == AF_INET) {
		source.address.words[0] = sk->dst_ip4;
	} else {
		source.address.words[0] = sk->dst_ip6[0];
		source.address.words[1] = sk->dst_ip6[1];
		source.address.words[2] = sk->dst_ip6[2];
		source.address.words[3] = sk->dst_ip6[3];
		unmap(&source.address, &source.family);
	}
	to = bpf_map_lookup_elem(&destinations, &source);
	if (!to)
		return 1;
	if (ctx->level == SOL_IP && to->family == AF_INET) {
		struct sockaddr4 *out = ctx->optval;

		if ((void *)(out + 1) > end)
			return 1;
		out->family = AF_INET;
		out->port = to->port;
		out->address = to->address.words[0];
		out->zero = 0;
		length = sizeof(*out);
	} else if (ctx->level == SOL_IPV6 && to->family == AF_INET6) {
		struct sockaddr6 *out = ctx->optval;

		if ((void *)(out + 1) > end)
			return 1;
		out->family = AF_INET6;
		out->port = to->port;
		out->flow = 0;
		out->address = to->address;
		out->scope = 0;
		length = sizeof(*out);
	} else {
		return 1;
	}
	// Two separate stores: clang merges them into one of eight bytes otherwise, which the verifier refuses.
	*(volatile __s32 *)&ctx->optlen = length;
	*(volatile __s32 *)&ctx->retval = 0;
	return 1;

untouched:
	*(volatile __s32 *)&ctx->optlen = 0;
	return 1;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
