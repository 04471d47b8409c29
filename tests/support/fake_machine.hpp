/// A kernel and processes that a test makes up.
#pragma once

#include "placement/kernel.hpp"
#include "placement/processes.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <span>
#include <vector>

namespace epmd::test {

/// Has the sockets that it is given.
class fake_kernel final : public kernel {
  public:
    std::vector<socket_info> sockets;

    std::optional<socket_info> connected(const address& local, std::uint16_t local_port, const address& remote,
                                         std::uint16_t remote_port) override {
        const auto found = std::find_if(sockets.begin(), sockets.end(), [&](const socket_info& one) {
            return !one.is_listening && one.local == local && one.local_port == local_port && one.remote == remote &&
                   one.remote_port == remote_port;
        });
        return found == sockets.end() ? std::nullopt : std::optional(*found);
    }

    std::vector<socket_info> listening(std::span<const std::uint16_t> ports) override {
        std::vector<socket_info> result;
        std::copy_if(sockets.begin(), sockets.end(), std::back_inserter(result), [=](const socket_info& one) {
            return one.is_listening && std::find(ports.begin(), ports.end(), one.local_port) != ports.end();
        });
        return result;
    }
};

/// Has the processes that it is given, and of some of them lets nobody see the descriptors.
class fake_processes final : public processes {
  public:
    struct one_process {
        process what;
        std::set<std::uint64_t> inodes;
        bool has_readable_descriptors = true;
    };
    std::vector<one_process> all;

    std::optional<process> owner_of(std::uint64_t inode) override {
        const auto found = std::find_if(all.begin(), all.end(), [inode](const one_process& one) {
            return one.has_readable_descriptors && one.inodes.contains(inode);
        });
        return found == all.end() ? std::nullopt : std::optional(found->what);
    }

    std::vector<process> erlang_vms(std::uint32_t uid) override {
        std::vector<process> result;
        for (const auto& one : all) {
            if (one.what.program == "beam.smp" && one.what.uid == uid) {
                result.push_back(one.what);
            }
        }
        return result;
    }

    bool owns(std::int32_t pid, std::uint64_t inode) override {
        return std::any_of(all.begin(), all.end(), [&](const one_process& one) {
            return one.what.pid == pid && one.has_readable_descriptors && one.inodes.contains(inode);
        });
    }
};

} // namespace epmd::test
