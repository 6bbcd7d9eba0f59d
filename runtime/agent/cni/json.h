// SPDX-License-Identifier: Apache-2.0
//
// Just enough JSON: the value of a key of an object, as it was written, and text made into a string.
#pragma once
#include "system.h"

// Text that is somewhere else; `at` is null where there is none.
struct text { const char *at; size_t length; };

static size_t length_of(const char *text) {
	size_t length = 0;
	while (text[length] != 0) length++;
	return length;
}

static struct text text_of(const char *text) { return (struct text){text, text ? length_of(text) : 0}; }

static int starts_with(struct text text, struct text start) {
	if (text.length < start.length) return 0;
	for (size_t at = 0; at < start.length; at++)
		if (text.at[at] != start.at[at]) return 0;
	return 1;
}

static int same(struct text a, struct text b) { return a.length == b.length && starts_with(a, b); }

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// The place behind a string that begins at a quotation mark.
static size_t after_string(struct text json, size_t at) {
	for (at++; at < json.length && json.at[at] != '"'; at++)
		if (json.at[at] == '\\') at++;
	return at + 1;
}

// The place behind a value: everything up to a comma or closing bracket of its own level.
static size_t after_value(struct text json, size_t at) {
	int depth = 0;
	while (at < json.length) {
		char c = json.at[at];
		if (c == '"') {
			at = after_string(json, at);
			continue;
		}
		if (depth == 0 && (c == ',' || c == '}' || c == ']')) break;
		if (c == '{' || c == '[') depth++;
		if (c == '}' || c == ']') depth--;
		at++;
	}
	return at < json.length ? at : json.length;
}

// A member of an object as it was written; strings keep their quotation marks. Null where it is not there.
static struct text member(struct text json, const char *name) {
	size_t at = 0;
	while (at < json.length && json.at[at] != '{') at++;
	for (at++; at < json.length;) {
		while (at < json.length && (is_space(json.at[at]) || json.at[at] == ',')) at++;
		if (at >= json.length || json.at[at] != '"') break;
		size_t key = at + 1, end = after_string(json, at);
		if (end > json.length) break;
		for (at = end; at < json.length && (is_space(json.at[at]) || json.at[at] == ':'); at++) continue;
		size_t behind = after_value(json, at), last = behind;
		while (last > at && is_space(json.at[last - 1])) last--;
		if (same((struct text){json.at + key, end - 1 - key}, text_of(name))) return (struct text){json.at + at, last - at};
		at = behind;
	}
	return (struct text){0, 0};
}

// The content of a member that is a string without escapes, as paths and names are; null for any other.
static struct text string_member(struct text json, const char *name) {
	struct text value = member(json, name);
	if (value.length < 2 || value.at[0] != '"') return (struct text){0, 0};
	return (struct text){value.at + 1, value.length - 2};
}

// A growing text; what does not fit is left out, and `overflow` set.
struct writer { char *at; size_t length, size; int overflow; };

static void put(struct writer *to, struct text text) {
	if (text.length > to->size - to->length) {
		to->overflow = 1;
		return;
	}
	memcpy(to->at + to->length, text.at, text.length);
	to->length += text.length;
}

static void put_string(struct writer *to, struct text text) {
	put(to, text_of("\""));
	for (size_t at = 0; at < text.length; at++) {
		char c = text.at[at];
		if (c == '"' || c == '\\') put(to, text_of("\\"));
		// Control characters have no place in a name or a message.
		put(to, (unsigned char)c < ' ' ? text_of(" ") : (struct text){&c, 1});
	}
	put(to, text_of("\""));
}

static void put_number(struct writer *to, size_t number) {
	char digits[20];
	size_t at = sizeof digits;
	do digits[--at] = '0' + number % 10;
	while (number /= 10);
	put(to, (struct text){digits + at, sizeof digits - at});
}
