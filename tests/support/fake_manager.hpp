/// A service manager with a file descriptor store, as systemd.service(5) describes it, on a socket of our own.
#pragma once

#include "handover/systemd.hpp"
#include "support/sockets.hpp"

#include <array>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace epmd::test {

class fake_manager {
  public:
    explicit fake_manager(const std::string& path)
        : path_(path), socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un name{};
        name.sun_family = AF_UNIX;
        path.copy(std::begin(name.sun_path), sizeof name.sun_path);
        if (path.front() == '@') {
            name.sun_path[0] = '\0';
        }
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
        if (::bind(socket_.descriptor(), reinterpret_cast<const sockaddr*>(&name), length) != 0) { // NOLINT
            throw std::runtime_error("bind failed");
        }
    }

    [[nodiscard]] const std::string& path() const { return path_; }

    /// The next state that it was told, or "nothing". Takes what is stored and removed on the way into account.
    std::string hears() {
        std::array<char, 500> text{};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(253 * sizeof(int))> control{};
        iovec part{.iov_base = text.data(), .iov_len = text.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const auto size = ::recvmsg(socket_.descriptor(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (size < 0) {
            return "nothing";
        }
        const std::string state(text.data(), static_cast<std::size_t>(size));
        const auto name = state.find("FDNAME=") == std::string::npos ? "" : state.substr(state.find("FDNAME=") + 7);
        if (state.starts_with("FDSTORE=1\n")) {
            const cmsghdr* const header = CMSG_FIRSTHDR(&message);
            const auto count = header == nullptr ? 0 : (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < count; ++i) {
                int descriptor = -1;
                std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof descriptor, sizeof descriptor);
                stored_.emplace(name, std::make_unique<tcp_socket>(descriptor));
            }
        } else if (state.starts_with("FDSTOREREMOVE=1\n")) {
            stored_.erase(name);
        }
        return state;
    }

    void hear_all() {
        while (hears() != "nothing") {
        }
    }

    /// What it passes to the next process of the service: copies, in the order of their names.
    std::vector<passed_descriptor> passes() {
        hear_all();
        std::vector<passed_descriptor> all;
        for (const auto& [name, held] : stored_) {
            all.push_back({::fcntl(held->descriptor(), F_DUPFD_CLOEXEC, 3), name});
        }
        return all;
    }

    [[nodiscard]] std::size_t stored_count() {
        hear_all();
        return stored_.size();
    }

  private:
    std::string path_;
    tcp_socket socket_;
    std::multimap<std::string, std::unique_ptr<tcp_socket>> stored_;
};

} // namespace epmd::test
