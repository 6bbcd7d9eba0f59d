// SPDX-License-Identifier: Apache-2.0
//
// The chained CNI plugin: asks the node's agent to capture a pod before its first container starts, and lets the pod not
// start while the agent does not answer (docs/adr/0004-cni-plugin.md). It hands on the result of the plugin before it.
//
// Its part of the configuration:
//   socket  unix socket of the agent, which takes POST /cmdadd
//   exempt  beginning of <namespace>/<pod> of the pods that start without being asked for: the agent's own
//
// See https://www.cni.dev/docs/spec/ for the protocol.
#include "json.h"

// Long enough for an agent to be replaced, so that pods of that time need not wait for the kubelet's next attempt.
enum { CONNECT_SECONDS = 10, ANSWER_SECONDS = 15, PAUSE_MS = 50 };
enum { TRY_AGAIN_LATER = 11 };

static char input[256 * 1024], request[300 * 1024], answer[8 * 1024], output[300 * 1024];

static struct text variable(char **environment, const char *name) {
	struct text wanted = text_of(name);
	for (; *environment; environment++) {
		struct text entry = text_of(*environment);
		if (starts_with(entry, wanted) && entry.at[wanted.length] == '=')
			return text_of(entry.at + wanted.length + 1);
	}
	return (struct text){0, 0};
}

// A value of CNI_ARGS: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web`.
static struct text argument(struct text arguments, const char *name) {
	struct text wanted = text_of(name);
	for (size_t at = 0; at < arguments.length;) {
		size_t end = at;
		while (end < arguments.length && arguments.at[end] != ';') end++;
		struct text pair = {arguments.at + at, end - at};
		if (starts_with(pair, wanted) && pair.length > wanted.length && pair.at[wanted.length] == '=')
			return (struct text){pair.at + wanted.length + 1, pair.length - wanted.length - 1};
		at = end + 1;
	}
	return (struct text){0, 0};
}

static size_t read_all(int fd, char *to, size_t size) {
	size_t length = 0;
	while (length < size) {
		ssize_t got = sys_read(fd, to + length, size - length);
		if (got == -EINTR) continue;
		if (got <= 0) break;
		length += got;
	}
	return length;
}

static int write_all(int fd, const char *from, size_t size) {
	for (size_t done = 0; done < size;) {
		ssize_t put = sys_write(fd, from + done, size - done);
		if (put == -EINTR) continue;
		if (put <= 0) return 0;
		done += put;
	}
	return 1;
}

static int print(struct writer *text) { return write_all(1, text->at, text->length) ? 0 : 1; }

// A failure in the words of the specification; the kubelet shows the message in the pod's events and tries again.
static int refuse(struct text configuration, struct text message, struct text details) {
	struct writer to = {output, 0, sizeof output, 0};
	struct text version = string_member(configuration, "cniVersion");
	put(&to, text_of("{\"cniVersion\":"));
	put_string(&to, version.at ? version : text_of("1.0.0"));
	put(&to, text_of(",\"code\":"));
	put_number(&to, TRY_AGAIN_LATER);
	put(&to, text_of(",\"msg\":"));
	put_string(&to, message);
	put(&to, text_of(",\"details\":"));
	put_string(&to, details);
	put(&to, text_of("}\n"));
	print(&to);
	return 1;
}

static int pass_on(struct text configuration) {
	struct writer to = {output, 0, sizeof output, 0};
	struct text result = member(configuration, "prevResult");
	if (result.at) put(&to, result);
	else {
		struct text version = string_member(configuration, "cniVersion");
		put(&to, text_of("{\"cniVersion\":"));
		put_string(&to, version.at ? version : text_of("1.0.0"));
		put(&to, text_of("}"));
	}
	put(&to, text_of("\n"));
	return print(&to);
}

// Connects to the agent, waiting for one that is being replaced. Returns a descriptor, or -1.
static int reach(struct text path) {
	struct sockaddr_un to = {AF_UNIX, {0}};
	if (!path.at || path.length >= sizeof to.path) return -1;
	memcpy(to.path, path.at, path.length);
	for (long until = sys_seconds() + CONNECT_SECONDS; sys_seconds() < until; sys_pause(PAUSE_MS)) {
		int fd = sys_socket();
		if (fd < 0) return -1;
		if (sys_connect(fd, &to) == 0) return fd;
		sys_close(fd);
	}
	return -1;
}

// Writes the HTTP request that names the pod. Returns 0 when it does not fit.
static int describe(struct writer *to, struct text configuration, struct text arguments, struct text netns) {
	static char space[290 * 1024];
	struct writer body = {space, 0, sizeof space, 0};
	struct { const char *key; struct text value; } fields[] = {
		{"{\"podNamespace\":", argument(arguments, "K8S_POD_NAMESPACE")},
		{",\"podName\":", argument(arguments, "K8S_POD_NAME")},
		{",\"podUid\":", argument(arguments, "K8S_POD_UID")},
		{",\"netns\":", netns},
	};
	for (size_t at = 0; at < sizeof fields / sizeof fields[0]; at++) {
		put(&body, text_of(fields[at].key));
		put_string(&body, fields[at].value);
	}
	struct text result = member(configuration, "prevResult");
	if (result.at) {
		put(&body, text_of(",\"result\":"));
		put(&body, result);
	}
	put(&body, text_of("}"));
	put(to, text_of("POST /cmdadd HTTP/1.0\r\nhost: agent\r\nconnection: close\r\n"
									"content-type: application/json\r\ncontent-length: "));
	put_number(to, body.length);
	put(to, text_of("\r\n\r\n"));
	put(to, (struct text){body.at, body.length});
	return !body.overflow && !to->overflow;
}

// What the agent said, without the head of its answer.
static struct text content(struct text response) {
	for (size_t at = 0; at + 4 <= response.length; at++)
		if (starts_with((struct text){response.at + at, response.length - at}, text_of("\r\n\r\n")))
			return (struct text){response.at + at + 4, response.length - at - 4};
	return (struct text){response.at, 0};
}

static int add(struct text configuration, char **environment) {
	struct text arguments = variable(environment, "CNI_ARGS");
	struct text name = argument(arguments, "K8S_POD_NAME"), namespace = argument(arguments, "K8S_POD_NAMESPACE");
	// Not a pod of Kubernetes, or one of the system's, which is never enrolled.
	if (name.length == 0 || same(namespace, text_of("kube-system"))) return pass_on(configuration);
	struct text exempt = string_member(configuration, "exempt");
	char own[512];
	struct writer full = {own, 0, sizeof own, 0};
	put(&full, namespace);
	put(&full, text_of("/"));
	put(&full, name);
	if (exempt.length > 0 && starts_with((struct text){own, full.length}, exempt)) return pass_on(configuration);

	struct writer to = {request, 0, sizeof request, 0};
	if (!describe(&to, configuration, arguments, variable(environment, "CNI_NETNS")))
		return refuse(configuration, text_of("ambient: the network's configuration is too long"), text_of(""));
	struct text path = string_member(configuration, "socket");
	int agent = reach(path);
	if (agent < 0)
		return refuse(configuration, text_of("ambient: the agent of this node does not answer; no pod starts without capture"),
									text_of("kubectl -n istio-system get pods -l app=ambient-agent shows it. If the mesh was removed from "
													"the cluster, delete 00-ambient.conflist from this node's CNI configuration."));
	sys_receive_timeout(agent, ANSWER_SECONDS);
	size_t length = write_all(agent, request, to.length) ? read_all(agent, answer, sizeof answer) : 0;
	struct text response = {answer, length};
	if (starts_with(response, text_of("HTTP/1.1 200"))) return pass_on(configuration);
	if (length == 0)
		return refuse(configuration, text_of("ambient: the agent of this node was asked and has not answered"), text_of(""));
	return refuse(configuration, text_of("ambient: the agent of this node cannot capture the pod yet"), content(response));
}

int run(char **environment) {
	struct text command = variable(environment, "CNI_COMMAND");
	struct text configuration = {input, read_all(0, input, sizeof input)};
	if (same(command, text_of("ADD"))) {
		if (configuration.length == sizeof input)
			return refuse((struct text){input, 0}, text_of("ambient: the network's configuration is too long"), text_of(""));
		return add(configuration, environment);
	}
	if (same(command, text_of("VERSION"))) {
		struct writer to = {output, 0, sizeof output, 0};
		put(&to, text_of("{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"]}\n"));
		return print(&to);
	}
	// DEL, CHECK, GC and STATUS: what the agent did goes with the pod's network, and a node whose agent is away must still
	// be called ready, or the agent could not start.
	return 0;
}
