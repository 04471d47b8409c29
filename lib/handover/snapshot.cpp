#include "handover/snapshot.hpp"

#include "wire/cursor.hpp"
#include "wire/put.hpp"

#include <boost/crc.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <set>
#include <unordered_map>
#include <utility>

namespace epmd {
namespace {

using wire::cursor;
using wire::put_integers;

enum class kind : std::uint8_t {
    beginning = 1,
    registration = 2,
    gone = 3,
    former_name = 4,
    machine = 5,
    settings = 6,
    restarts = 7,
};

enum : std::uint8_t { has_where = 1, has_ask_at = 2, has_uid = 4, is_guess = 8, is_over_ipv6 = 16 };

constexpr std::size_t head_bytes = 8; // size and checksum

std::uint32_t checksum_of(std::string_view bytes) {
    boost::crc_32_type sum;
    sum.process_bytes(bytes.data(), bytes.size());
    return sum.checksum();
}

/// Appends a record; `body` appends its body.
template <typename Body>
void put_record(std::string& out, kind what, const Body& body) {
    const auto begin = out.size();
    out.append(head_bytes, '\0');
    put_integers(out, static_cast<std::uint8_t>(what));
    body();
    const auto bytes = std::string_view(out).substr(begin + head_bytes);
    std::string head;
    put_integers(head, static_cast<std::uint32_t>(bytes.size()), checksum_of(bytes));
    out.replace(begin, head_bytes, head);
}

/// All texts in a registration are far shorter than 64 KiB (wire::limits, host names, clauses of ours).
void put_text(std::string& out, std::string_view text) {
    const auto size = std::min<std::size_t>(text.size(), std::numeric_limits<std::uint16_t>::max());
    put_integers(out, static_cast<std::uint16_t>(size));
    out.append(text.substr(0, size));
}

void put_address(std::string& out, const address& one) {
    out.append(reinterpret_cast<const char*>(one.v6().data()), one.v6().size()); // NOLINT: bytes are bytes
}

void put_addresses(std::string& out, const std::set<address>& all) {
    put_integers(out, static_cast<std::uint16_t>(all.size()));
    for (const auto& one : all) {
        put_address(out, one);
    }
}

void put_time(std::string& out, time_point when) {
    const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch());
    put_integers(out, static_cast<std::uint64_t>(since.count()));
}

void put_finding(std::string& out, const finding& one) {
    const auto flag = [](bool is_set, std::uint8_t which) { return is_set ? which : std::uint8_t{0}; };
    const auto flags = flag(one.where.has_value(), has_where) | flag(one.ask_at.has_value(), has_ask_at) |
                       flag(one.who.uid.has_value(), has_uid) | flag(one.is_guess, is_guess) |
                       flag(one.is_over_ipv6, is_over_ipv6);
    put_integers(out, static_cast<std::uint8_t>(flags), static_cast<std::uint8_t>(one.how));
    put_address(out, one.where.value_or(the_machine).first_address());
    put_address(out, one.ask_at.value_or(address()));
    put_integers(out, one.listener_inode, static_cast<std::uint32_t>(one.who.pid), one.who.uid.value_or(0));
    for (const std::string_view text : {one.node_name, one.host_name, one.trouble, one.who.program}) {
        put_text(out, text);
    }
}

std::string text_of(cursor& in) {
    return std::string(in.take(in.u16()));
}

address address_of(cursor& in) {
    address::bytes_v6 bytes{};
    const auto taken = in.take(bytes.size());
    std::copy(taken.begin(), taken.end(), bytes.begin());
    return address(bytes);
}

std::set<address> addresses_of(cursor& in) {
    std::set<address> all;
    for (auto left = in.u16(); left > 0 && !in.has_failed(); --left) {
        all.insert(address_of(in));
    }
    return all;
}

time_point time_of(cursor& in) {
    return time_point(std::chrono::nanoseconds(static_cast<std::int64_t>(in.u64())));
}

finding finding_of(cursor& in) {
    finding one;
    const auto flags = in.u8();
    one.how = static_cast<evidence>(std::min(in.u8(), static_cast<std::uint8_t>(evidence::handshake)));
    if (const auto where = address_of(in); (flags & has_where) != 0) {
        one.where = host(where);
    }
    if (const auto ask_at = address_of(in); (flags & has_ask_at) != 0) {
        one.ask_at = ask_at;
    }
    one.is_guess = (flags & is_guess) != 0;
    one.is_over_ipv6 = (flags & is_over_ipv6) != 0;
    one.listener_inode = in.u64();
    one.who.pid = static_cast<std::int32_t>(in.u32());
    if (const auto uid = in.u32(); (flags & has_uid) != 0) {
        one.who.uid = uid;
    }
    one.node_name = text_of(in);
    one.host_name = text_of(in);
    one.trouble = text_of(in);
    one.who.program = text_of(in);
    return one;
}

registration registration_of(cursor& in) {
    registration one;
    one.connection = in.u64();
    one.sequence = in.u64();
    one.creation = in.u32();
    one.creation_count = in.u32();
    one.since = time_of(in);
    one.state = static_cast<placement_state>(std::min(in.u8(), static_cast<std::uint8_t>(placement_state::parked)));
    one.where = host(address_of(in));
    one.self.port = in.u16();
    one.self.node_type = in.u8();
    one.self.protocol = in.u8();
    one.self.highest_version = in.u16();
    one.self.lowest_version = in.u16();
    one.self.alive_name = text_of(in);
    one.self.extra = text_of(in);
    one.found = finding_of(in);
    one.is_adopted = in.u8() != 0;
    return one;
}

former_name former_name_of(cursor& in) {
    former_name one;
    one.descriptor = static_cast<std::int32_t>(in.u32());
    one.creation_count = in.u32();
    one.port = in.u16();
    one.alive_name = text_of(in);
    one.found = finding_of(in);
    return one;
}

/// Takes records in, one after the other.
class reader {
  public:
    /// Whether the record was whole.
    bool take(std::string_view record) {
        cursor in(record);
        switch (static_cast<kind>(in.u8())) {
        case kind::beginning:
            result_.table.first_creation = in.u32();
            result_.table.started = time_of(in);
            result_.table.former = former_names(in.u32());
            has_begun_ = true;
            break;
        case kind::registration: {
            auto one = registration_of(in);
            const auto connection = one.connection;
            registered_.insert_or_assign(connection, std::move(one));
            break;
        }
        case kind::gone:
            if (const auto gone = registered_.find(in.u64()); gone != registered_.end()) {
                result_.table.former.add(epmd::former_name_of(gone->second));
                registered_.erase(gone);
            }
            break;
        case kind::former_name:
            result_.table.former.add(former_name_of(in));
            break;
        case kind::machine:
            result_.machine.hostname = text_of(in);
            result_.machine.addresses = addresses_of(in);
            result_.machine.others = addresses_of(in);
            break;
        case kind::settings: {
            settings_text file{.name = text_of(in), .text = {}};
            file.text = in.take(in.u32());
            result_.settings = std::move(file);
            break;
        }
        case kind::restarts:
            result_.restarts = in.u32();
            break;
        default:
            break; // of a later program
        }
        return !in.has_failed();
    }

    [[nodiscard]] bool has_begun() const noexcept { return has_begun_; }

    snapshot take_result() {
        for (auto& [connection, one] : registered_) {
            result_.table.registrations.push_back(std::move(one));
        }
        return std::move(result_);
    }

  private:
    snapshot result_;
    std::unordered_map<connection_number, registration> registered_;
    bool has_begun_ = false;
};

} // namespace

void put_beginning(std::string& out, std::uint32_t first_creation, time_point started,
                   std::uint32_t greatest_forgotten_count) {
    put_record(out, kind::beginning, [&] {
        put_integers(out, first_creation);
        put_time(out, started);
        put_integers(out, greatest_forgotten_count);
    });
}

void put_registration(std::string& out, const registration& one) {
    put_record(out, kind::registration, [&] {
        put_integers(out, one.connection, one.sequence, one.creation, one.creation_count);
        put_time(out, one.since);
        put_integers(out, static_cast<std::uint8_t>(one.state));
        put_address(out, one.where.first_address());
        const auto& self = one.self;
        put_integers(out, self.port, self.node_type, self.protocol, self.highest_version, self.lowest_version);
        put_text(out, self.alive_name);
        put_text(out, self.extra);
        put_finding(out, one.found);
        put_integers(out, static_cast<std::uint8_t>(one.is_adopted));
    });
}

void put_gone(std::string& out, connection_number gone) {
    put_record(out, kind::gone, [&] { put_integers(out, gone); });
}

void put_former_name(std::string& out, const former_name& one) {
    put_record(out, kind::former_name, [&] {
        put_integers(out, static_cast<std::uint32_t>(one.descriptor), one.creation_count, one.port);
        put_text(out, one.alive_name);
        put_finding(out, one.found);
    });
}

void put_machine(std::string& out, const machine_identity& machine) {
    put_record(out, kind::machine, [&] {
        put_text(out, machine.hostname);
        put_addresses(out, machine.addresses);
        put_addresses(out, machine.others);
    });
}

void put_settings(std::string& out, const settings_text& file) {
    put_record(out, kind::settings, [&] {
        put_text(out, file.name);
        put_integers(out, static_cast<std::uint32_t>(file.text.size()));
        out.append(file.text);
    });
}

void put_restarts(std::string& out, std::uint32_t count) {
    put_record(out, kind::restarts, [&] { put_integers(out, count); });
}

void put_table(std::string& out, const registry& table) {
    put_beginning(out, table.first_creation(), table.started(), table.former().greatest_forgotten_count());
    for (const auto& one : table.former().all()) {
        put_former_name(out, one);
    }
    for (const auto* one : table.all()) {
        put_registration(out, *one);
    }
}

std::variant<snapshot, std::string> read_snapshot(std::string_view records) {
    reader result;
    for (std::size_t number = 1; !records.empty(); ++number) {
        const auto which = "its record " + std::to_string(number);
        cursor in(records);
        const auto size = in.u32();
        const auto checksum = in.u32();
        const auto record = in.take(size);
        if (in.has_failed() || record.empty()) {
            return which + " is torn";
        }
        if (checksum_of(record) != checksum) {
            return "the checksum of " + which + " is wrong";
        }
        if (!result.take(record)) {
            return which + " is too short for its kind";
        }
        records.remove_prefix(head_bytes + size);
    }
    if (!result.has_begun()) {
        return "it has no beginning";
    }
    return result.take_result();
}

} // namespace epmd
