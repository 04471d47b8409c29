#include "settings/limits.hpp"

#include <algorithm>

namespace epmd {

limits limits::within(std::size_t room) const noexcept {
    constexpr std::size_t part_for_lookups = 16;
    constexpr std::size_t least_for_lookups = 4;
    auto result = *this;
    result.max_connections = max_connections == 0 ? room : std::min(max_connections, room);
    const auto for_lookups = std::max(result.max_connections / part_for_lookups, least_for_lookups);
    const auto most = result.max_connections > for_lookups ? result.max_connections - for_lookups : 1;
    result.max_registrations = max_registrations == 0 ? most : std::min(max_registrations, most);
    result.max_registrations_per_user = max_registrations_per_user == 0
                                            ? std::max<std::size_t>(result.max_registrations / 2, 1)
                                            : std::min(max_registrations_per_user, result.max_registrations);
    result.max_event_streams = std::min(max_event_streams, max_http_connections);
    return result;
}

} // namespace epmd
