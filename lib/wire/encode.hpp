/// Messages to bytes. Appends, so that a caller can reuse one buffer.
#pragma once

#include "wire/messages.hpp"

#include <string>

namespace epmd::wire {

/// Appends a reply.
void encode(const reply&, std::string& out);

/// Appends a request with its length prefix. Throws std::length_error when it does not fit max_request_bytes.
void encode(const request&, std::string& out);

/// The line that NAMES_RESP has for one node: "name X at port P" and a newline.
void append_names_line(const names_resp::node&, std::string& out);

} // namespace epmd::wire
