/// Socket addresses of the C library as values of ours.
#pragma once

#include "registry/address.hpp"

#include <optional>

#include <sys/socket.h>

namespace epmd {

/// The address in an AF_INET or AF_INET6 socket address; nothing for any other family.
std::optional<address> address_of(const sockaddr&) noexcept;

} // namespace epmd
