#include "client/server_event.hpp"

#include <cstddef>
#include <string_view>

namespace epmd {

std::optional<server_event> take_event(std::string& text) {
    for (auto end = text.find("\n\n"); end != std::string::npos; end = text.find("\n\n")) {
        server_event found;
        for (std::size_t begin = 0; begin < end;) {
            const auto line_end = text.find('\n', begin);
            const auto line = std::string_view(text).substr(begin, line_end - begin);
            if (line.starts_with("event: ")) {
                found.name = line.substr(7);
            } else if (line.starts_with("data: ")) {
                found.data = line.substr(6);
            }
            begin = line_end + 1;
        }
        text.erase(0, end + 2);
        if (!found.name.empty()) {
            return found;
        }
    }
    return std::nullopt;
}

} // namespace epmd
