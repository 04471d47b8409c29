#include "doctor/digest.hpp"

#include "verb.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

namespace epmd::ctl::doctor {

dist::digest digest_of(const dist::cookie& secret, std::uint32_t challenge) {
    auto text = dist::digested_text(secret.text(), challenge);
    dist::digest result{};
    unsigned int size = 0;
    auto* bytes = reinterpret_cast<unsigned char*>(result.data()); // NOLINT: bytes are bytes
    const bool is_done = ::EVP_Digest(text.data(), text.size(), bytes, &size, ::EVP_md5(), nullptr) == 1;
    ::OPENSSL_cleanse(text.data(), text.size());
    if (!is_done || size != result.size()) {
        throw failure("OpenSSL refuses MD5, with which nodes prove their cookies (is this a FIPS mode?); "
                      "--no-cookie-test does without");
    }
    return result;
}

std::uint32_t random_challenge() {
    std::uint32_t result = 0;
    if (::getrandom(&result, sizeof result, 0) != static_cast<ssize_t>(sizeof result)) {
        throw failure("the system has no random numbers for a challenge; --no-cookie-test does without");
    }
    return result;
}

} // namespace epmd::ctl::doctor
