#include "wire/names_list.hpp"

#include "wire/alive_name.hpp"

#include <algorithm>

namespace epmd::wire {
namespace {

bool can_be_looked_up(std::string_view name) noexcept {
    const auto verdict = judge_alive_name(name);
    return verdict == name_verdict::good || verdict == name_verdict::control_character; // stock registers these
}

} // namespace

std::vector<names_row> read_names_list(std::string_view text) {
    constexpr std::string_view of_host = "host ";
    constexpr std::string_view of_node = "name ";
    constexpr std::string_view before_address = " at ";
    constexpr std::string_view before_port = " at port ";
    std::vector<names_row> rows;
    std::string_view at;
    while (!text.empty()) {
        auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        if (line.starts_with(of_host)) {
            line.remove_prefix(of_host.size());
            const auto name_end = line.rfind(before_address); // a host without a name is called by its address
            at = line.substr(name_end == std::string_view::npos ? 0 : name_end + before_address.size());
            at = at.substr(0, at.find(','));
        } else if (line.starts_with(of_node)) {
            line.remove_prefix(of_node.size());
            const auto name_end = line.rfind(before_port);
            const auto name = line.substr(0, name_end);
            if (name_end != std::string_view::npos && can_be_looked_up(name)) {
                rows.push_back({name, at});
            }
        }
    }
    return rows;
}

} // namespace epmd::wire
