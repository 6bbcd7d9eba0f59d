// SPDX-License-Identifier: Apache-2.0
//
// UDP queries to port 53 go to ztunnel's DNS proxy, and its answers seem to come from the server that was asked.
// Attached to the pod's cgroup. Least kernel: 5.9 (socket storage in these hooks; sendmsg 4.18, recvmsg 5.2).
#include "sock-addr.h"

struct asked asked SEC(".maps");

static __always_inline int redirect(struct bpf_sock_addr *ctx, int v6)
{
	struct bpf_sock *sk = ctx->sk;
	struct destination to = {};
	struct destination *kept;

	if (ctx->protocol != IPPROTO_UDP || !sk || ctx->user_port != bpf_htons(DNS_PORT))
		return 1;
	read_address(ctx, v6, &to);
	if (is_loopback(&to) || is_own_socket(sk))
		return 1;
	kept = bpf_sk_storage_get(&asked, sk, &to, BPF_SK_STORAGE_GET_F_CREATE);
	if (!kept)
		return 0;
	*kept = to;
	write_proxy(ctx, v6, to.family, DNS_PROXY_PORT);
	return 1;
}

SEC("cgroup/connect4")
int dns_connect4(struct bpf_sock_addr *ctx)
{
	return redirect(ctx, 0);
}

SEC("cgroup/connect6")
int dns_connect6(struct bpf_sock_addr *ctx)
{
	return redirect(ctx, 1);
}

SEC("cgroup/sendmsg4")
int dns_sendmsg4(struct bpf_sock_addr *ctx)
{
	return redirect(ctx, 0);
}

SEC("cgroup/sendmsg6")
int dns_sendmsg6(struct bpf_sock_addr *ctx)
{
	return redirect(ctx, 1);
}

static __always_inline int restore(struct bpf_sock_addr *ctx, int v6)
{
	struct bpf_sock *sk = ctx->sk;
	struct destination from = {};
	struct destination *to;

	if (!sk || ctx->user_port != bpf_htons(DNS_PROXY_PORT))
		return 1;
	read_address(ctx, v6, &from);
	to = bpf_sk_storage_get(&asked, sk, 0, 0);
	if (to && is_loopback(&from) && (v6 || to->family == AF_INET))
		write_address(ctx, v6, to);
	return 1;
}

SEC("cgroup/recvmsg4")
int dns_recvmsg4(struct bpf_sock_addr *ctx)
{
	return restore(ctx, 0);
}

SEC("cgroup/recvmsg6")
int dns_recvmsg6(struct bpf_sock_addr *ctx)
{
	return restore(ctx, 1);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
