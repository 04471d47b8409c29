#include "handover/keeper.hpp"

#include <exception>
#include <system_error>
#include <utility>

namespace epmd {
namespace {

/// A table this much longer than when it was written whole, and than twice that, is written anew. Chosen, not tuned.
constexpr std::size_t spare_bytes = 262144;

/// A queue with so many more ended connections than living ones is written anew. Chosen, not tuned.
constexpr std::size_t spare_connections = 256;

} // namespace

keeper::keeper(service_manager* manager, std::function<kept_state()> all, std::uint64_t generation,
               std::vector<std::string> old_names, std::function<void(const std::string&)> complain)
    : manager_(manager), all_(std::move(all)), generation_(generation), inherited_(std::move(old_names)),
      complain_(std::move(complain)) {
    attempt([this] { write_all(); });
}

/// Does something of which nothing may reach the caller: his reply is sent in any case.
template <typename Step>
void keeper::attempt(const Step& step) {
    try {
        step();
        is_told_ = false;
    } catch (const std::exception& error) {
        is_behind_ = true;
        if (!std::exchange(is_told_, true)) {
            complain_(error.what());
        }
    }
}

void keeper::keep(const registration& one, bool is_new) {
    if (is_behind_) {
        return; // try_again writes all of them
    }
    attempt([&] {
        records_.clear();
        put_registration(records_, one);
        append();
        if (!is_new || one.is_adopted) {
            return;
        }
        const auto error = queue_->add({one.connection, one.descriptor});
        if (error) {
            write_queue(all_().table); // full, or at a limit to which the ended ones in it count
        }
    });
}

void keeper::let_go(connection_number gone) {
    if (is_behind_) {
        return;
    }
    attempt([&] {
        records_.clear();
        put_gone(records_, gone);
        append();
        const auto& table = all_().table;
        if (queue_->size() > 2 * table.size() + spare_connections) {
            write_queue(table);
        }
    });
}

void keeper::keep_surroundings() {
    attempt([this] { is_behind_ ? write_all() : write_table(all_()); });
}

void keeper::try_again() {
    if (is_behind_) {
        attempt([this] { write_all(); });
    }
}

void keeper::append() {
    table_->append(records_);
    if (table_->size_bytes() > 2 * whole_bytes_ + spare_bytes) {
        write_table(all_());
    }
}

void keeper::write_all() {
    const auto all = all_();
    is_behind_ = true;
    write_queue(all.table); // first: who finds the table finds the connections
    write_table(all);
    let_go_of(inherited_);
    is_behind_ = false;
}

void keeper::write_table(const kept_state& all) {
    std::string records;
    put_machine(records, all.machine);
    if (all.settings) {
        put_settings(records, *all.settings);
    }
    put_table(records, all.table);
    snapshot_file fresh(++generation_);
    fresh.append(records);
    const int descriptor = fresh.descriptor();
    hold(table_held_, std::string(table_name) + std::to_string(generation_), {&descriptor, 1});
    table_ = std::move(fresh);
    whole_bytes_ = records.size();
}

void keeper::write_queue(const registry& table) {
    std::vector<numbered_descriptor> connections;
    for (const auto* one : table.all()) {
        if (!one->is_adopted) {
            connections.emplace_back(one->connection, one->descriptor);
        }
    }
    connection_queue fresh(connections);
    hold(queue_held_, std::string(queue_name) + std::to_string(++generation_), fresh.descriptors());
    queue_ = std::move(fresh);
}

/// Has descriptors held under a name, and lets go what was held for them before.
void keeper::hold(std::string& held, std::string name, std::span<const int> descriptors) {
    let_go_of(superseded_); // if it could not be told before: what is held must not grow
    if (const auto error = manager_ ? manager_->store(name, descriptors) : std::error_code()) {
        throw std::system_error(error, "cannot tell the service manager");
    }
    if (!held.empty()) {
        superseded_.push_back(std::move(held));
    }
    held = std::move(name);
    let_go_of(superseded_);
}

void keeper::let_go_of(std::vector<std::string>& names) {
    while (!names.empty()) {
        if (const auto error = manager_ ? manager_->remove(names.back()) : std::error_code()) {
            throw std::system_error(error, "cannot tell the service manager");
        }
        names.pop_back();
    }
}

std::vector<passed_descriptor> keeper::to_pass() const {
    std::vector<passed_descriptor> all{{table_->descriptor(), table_held_}};
    for (const int end : queue_->descriptors()) {
        all.push_back({end, queue_held_});
    }
    return all;
}

int keeper::table_descriptor() const {
    return table_->descriptor();
}

} // namespace epmd
