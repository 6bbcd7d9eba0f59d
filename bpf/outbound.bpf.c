// SPDX-License-Identifier: Apache-2.0
//
// Outbound TCP of a pod: sent to ztunnel at connect, with the original destination kept twice: on the socket, for
// getpeername, and under the connection's source, where ztunnel's SO_ORIGINAL_DST finds it. Attached to the pod's cgroup.
// Least kernel: 5.15 (bpf_get_netns_cookie in sockops; connect 4.17, socket storage here 5.9, getpeername 5.8).
#include <linux/in6.h>
#include "sock-addr.h"

struct asked asked SEC(".maps");
struct destinations destinations SEC(".maps");
struct own_addresses own_addresses SEC(".maps");

static __always_inline int is_pods_own(struct bpf_sock_addr *ctx, const struct destination *to)
{
	struct endpoint key = { .netns = bpf_get_netns_cookie(ctx), .address = to->address, .family = to->family };

	return bpf_map_lookup_elem(&own_addresses, &key) != 0;
}

static __always_inline int is_probe(const struct destination *to)
{
	return to->family == AF_INET ? to->address.words[0] == PROBE4 : is_probe6(&to->address);
}

/*
 * Lets a connection to ztunnel on the loopback come from the pod's address all the same: getsockname and ztunnel's view
 * stay as they would be without capture. A socket that is bound already keeps its own, and the call fails.
 */
static __always_inline void keep_source(struct bpf_sock_addr *ctx, int v6, __u16 family)
{
	struct endpoint key = { .netns = bpf_get_netns_cookie(ctx), .family = family };
	struct address *own = bpf_map_lookup_elem(&own_addresses, &key);

	if (!own)
		return;
	if (!v6) {
		struct sockaddr_in source = { .sin_family = AF_INET, .sin_addr.s_addr = own->words[0] };

		bpf_bind(ctx, (struct sockaddr *)&source, sizeof(source));
	} else {
		struct sockaddr_in6 source = { .sin6_family = AF_INET6 };

		if (family == AF_INET) {
			source.sin6_addr.s6_addr32[2] = MAPPED;
			source.sin6_addr.s6_addr32[3] = own->words[0];
		} else {
			source.sin6_addr.s6_addr32[0] = own->words[0];
			source.sin6_addr.s6_addr32[1] = own->words[1];
			source.sin6_addr.s6_addr32[2] = own->words[2];
			source.sin6_addr.s6_addr32[3] = own->words[3];
		}
		bpf_bind(ctx, (struct sockaddr *)&source, sizeof(source));
	}
}

static __always_inline int redirect(struct bpf_sock_addr *ctx, int v6)
{
	struct bpf_sock *sk = ctx->sk;
	struct destination to = {};
	struct destination *kept;

	if (ctx->protocol != IPPROTO_TCP || !sk)
		return 1;
	read_address(ctx, v6, &to);
	if (is_loopback(&to) || is_probe(&to) || is_own_socket(sk) || is_pods_own(ctx, &to)) {
		bpf_sk_storage_delete(&asked, sk);
		return 1;
	}
	kept = bpf_sk_storage_get(&asked, sk, &to, BPF_SK_STORAGE_GET_F_CREATE);
	// Without a note of where it goes the connection must not start: captured or not at all.
	if (!kept)
		return 0;
	*kept = to;
	keep_source(ctx, v6, to.family);
	write_proxy(ctx, v6, to.family, to.port == bpf_htons(DNS_PORT) ? DNS_PROXY_PORT : OUTBOUND_PORT);
	return 1;
}

SEC("cgroup/connect4")
int outbound_connect4(struct bpf_sock_addr *ctx)
{
	return redirect(ctx, 0);
}

SEC("cgroup/connect6")
int outbound_connect6(struct bpf_sock_addr *ctx)
{
	return redirect(ctx, 1);
}

// The source address and port are known when the SYN is about to leave, and not earlier.
SEC("sockops")
int outbound_filed(struct bpf_sock_ops *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct endpoint source = {};
	struct address peer = {};
	struct destination *to;

	if (ctx->op != BPF_SOCK_OPS_TCP_CONNECT_CB || !sk)
		return 1;
	source.netns = bpf_get_netns_cookie(ctx);
	source.port = bpf_htons(ctx->local_port);
	source.family = ctx->family;
	if (source.family == AF_INET6) {
		peer.words[0] = ctx->remote_ip6[0];
		peer.words[1] = ctx->remote_ip6[1];
		peer.words[2] = ctx->remote_ip6[2];
		if (is_mapped(&peer))
			source.family = AF_INET;
	}
	if (source.family == AF_INET) {
		source.address.words[0] = ctx->local_ip4;
	} else {
		source.address.words[0] = ctx->local_ip6[0];
		source.address.words[1] = ctx->local_ip6[1];
		source.address.words[2] = ctx->local_ip6[2];
		source.address.words[3] = ctx->local_ip6[3];
	}
	to = bpf_sk_storage_get(&asked, sk, 0, 0);
	if (to)
		bpf_map_update_elem(&destinations, &source, to, BPF_ANY);
	else
		// An older connection's note must not answer for one that was made to the loopback.
		bpf_map_delete_elem(&destinations, &source);
	return 1;
}

static __always_inline int show_asked(struct bpf_sock_addr *ctx, int v6)
{
	struct bpf_sock *sk = ctx->sk;
	struct destination *to = sk ? bpf_sk_storage_get(&asked, sk, 0, 0) : 0;

	if (to && (v6 || to->family == AF_INET))
		write_address(ctx, v6, to);
	return 1;
}

SEC("cgroup/getpeername4")
int outbound_getpeername4(struct bpf_sock_addr *ctx)
{
	return show_asked(ctx, 0);
}

SEC("cgroup/getpeername6")
int outbound_getpeername6(struct bpf_sock_addr *ctx)
{
	return show_asked(ctx, 1);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
