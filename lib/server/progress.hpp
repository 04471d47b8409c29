/// What a TCP connection has carried so far, as the kernel counts it (linux/tcp.h, struct tcp_info).
#pragma once

namespace epmd {

/// Whether anything was ever sent on it from this side. True where the kernel does not say it.
bool has_sent_anything(int connection) noexcept;

} // namespace epmd
