#include "dist/node_name.hpp"

namespace epmd {

node_name split_node_name(std::string_view full) noexcept {
    const auto at = full.find('@');
    if (at == std::string_view::npos) {
        return {full, {}};
    }
    return {full.substr(0, at), full.substr(at + 1)};
}

} // namespace epmd
