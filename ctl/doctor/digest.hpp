/// The proof that one has a cookie.
#pragma once

#include "dist/cookie.hpp"
#include "dist/messages.hpp"

#include <cstdint>

namespace epmd::ctl::doctor {

/// By OpenSSL. Throws failure where that refuses MD5, as in FIPS mode.
dist::digest digest_of(const dist::cookie&, std::uint32_t challenge);

/// A challenge that nobody can foresee. Throws failure.
std::uint32_t random_challenge();

} // namespace epmd::ctl::doctor
