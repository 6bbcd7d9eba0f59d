// SPDX-License-Identifier: Apache-2.0
//
// New TCP connections into a pod go to ztunnel's listener for inbound plaintext; established ones never come here.
// Attached to the pod's network namespace, loaded once a pod. Least kernel: 5.9 (sk_lookup with a sockhash).
#include "redirect.h"

struct listeners listeners SEC(".maps");
struct deliveries deliveries SEC(".maps");

// The namespace's cookie: sk_lookup programs cannot ask for it.
const volatile __u64 netns;

// ztunnel on its way to the application: announced before it connects, and only for a moment.
static __always_inline int is_delivery(const struct endpoint *source)
{
	__u64 *until = bpf_map_lookup_elem(&deliveries, source);

	return until && bpf_ktime_get_ns() < *until;
}

static __always_inline int same(const struct address *one, const struct address *other)
{
	return one->words[0] == other->words[0] && one->words[1] == other->words[1] &&
	       one->words[2] == other->words[2] && one->words[3] == other->words[3];
}

SEC("sk_lookup")
int inbound_lookup(struct bpf_sk_lookup *ctx)
{
	struct endpoint source = { .netns = netns };
	struct listener_key key = { .netns = netns };
	struct address local = {};
	struct bpf_sock *listener;
	long failed;

	if (ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	source.family = ctx->family;
	// remote_port holds the port in network order in its low half, on either byte order.
	source.port = ctx->remote_port;
	if (ctx->family == AF_INET) {
		source.address.words[0] = ctx->remote_ip4;
		local.words[0] = ctx->local_ip4;
		if (is_loopback4(local.words[0]) || source.address.words[0] == PROBE4)
			return SK_PASS;
	} else {
		source.address.words[0] = ctx->remote_ip6[0];
		source.address.words[1] = ctx->remote_ip6[1];
		source.address.words[2] = ctx->remote_ip6[2];
		source.address.words[3] = ctx->remote_ip6[3];
		local.words[0] = ctx->local_ip6[0];
		local.words[1] = ctx->local_ip6[1];
		local.words[2] = ctx->local_ip6[2];
		local.words[3] = ctx->local_ip6[3];
		if (is_loopback6(&local) || is_probe6(&source.address))
			return SK_PASS;
	}
	// HBONE has its own listener. A pod that talks to itself stays its own business, as upstream.
	if (ctx->local_port == HBONE_PORT || same(&source.address, &local) || is_delivery(&source))
		return SK_PASS;
	key.family = ctx->family;
	listener = bpf_map_lookup_elem(&listeners, &key);
	// No ztunnel, no connection: the client is refused.
	if (!listener)
		return SK_DROP;
	failed = bpf_sk_assign(ctx, listener, 0);
	bpf_sk_release(listener);
	return failed ? SK_DROP : SK_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
