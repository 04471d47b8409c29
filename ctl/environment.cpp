#include "environment.hpp"

#include <cstdlib>

namespace epmd::ctl {

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str()); // NOLINT(concurrency-mt-unsafe): there is one thread
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

} // namespace epmd::ctl
