#include "registry/evidence.hpp"

namespace epmd {

std::string_view to_string(evidence how) noexcept {
    switch (how) {
    case evidence::destination:
        return "destination";
    case evidence::source:
        return "source";
    case evidence::listener:
        return "listener";
    case evidence::process:
        return "process";
    case evidence::handshake:
        return "handshake";
    }
    return "";
}

} // namespace epmd
