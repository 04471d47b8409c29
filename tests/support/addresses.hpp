/// Addresses written as text: "127.0.0.2"_ip.
#pragma once

#include "registry/address.hpp"

#include <cstddef>
#include <string_view>

namespace epmd::test {

/// Throws std::bad_optional_access when the text is no address.
inline address operator""_ip(const char* text, std::size_t size) {
    return address::parse(std::string_view(text, size)).value();
}

} // namespace epmd::test
