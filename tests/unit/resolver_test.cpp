// The resolver: answers to equal names at once, its memory, its deadline, and its end while a lookup hangs.
#include "placement/resolver.hpp"
#include "support/addresses.hpp"
#include "support/fake_lookup.hpp"
#include "support/run_until.hpp"

#include <boost/asio/io_context.hpp>
#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace epmd {
namespace {

using test::operator""_ip;
using names = std::vector<std::string>;
using clock = std::chrono::steady_clock;

resolution to(const address& one) {
    return {.addresses = {one}, .trouble = {}};
}

const resolution unknown{.addresses = {}, .trouble = "does not resolve (nobody knows)"};
const resolution too_late{.addresses = {}, .trouble = "did not resolve within 2 s"};

/// A resolver, what it asks, and what it answered.
struct conversation {
    boost::asio::io_context io;
    test::fake_lookup lookup;
    std::vector<resolution> answers;
    std::unique_ptr<resolver> it = std::make_unique<resolver>(io, lookup.function());

    void ask(const std::string& name) {
        it->resolve(name, [this](const resolution& what) { answers.push_back(what); });
    }
    bool gets(std::size_t count) {
        return test::run_until(io, [&] { return answers.size() >= count; });
    }
};

TEST_CASE("a name is answered, and never from inside the call that asks") {
    conversation some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip, "fd00::2"_ip});
    some.ask("lowry");
    CHECK(some.answers.empty());
    REQUIRE(some.gets(1));
    CHECK(some.answers.front() == resolution{.addresses = {"127.0.0.2"_ip, "fd00::2"_ip}, .trouble = {}});
    some.ask("lowry"); // which it remembers
    CHECK(some.answers.size() == 1);
    REQUIRE(some.gets(2));
    CHECK(some.answers[1] == some.answers[0]);
    test::run_ready(some.io);
    CHECK(some.answers.size() == 2);
}

TEST_CASE("a name that does not resolve is answered with the trouble") {
    conversation some;
    some.ask("nowhere");
    REQUIRE(some.gets(1));
    CHECK(some.answers.front() == unknown);
}

TEST_CASE("a lookup for which there is no memory is answered with the trouble") {
    conversation some;
    some.lookup.fail("lowry");
    some.ask("lowry");
    REQUIRE(some.gets(1));
    CHECK(some.answers.front().addresses.empty());
    CHECK(some.answers.front().trouble.starts_with("could not be resolved ("));
}

TEST_CASE("who asks for a name that is being looked up gets that answer") {
    conversation some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.lookup.hang("lowry");
    some.ask("lowry");
    REQUIRE(some.lookup.await_asked(1));
    some.ask("lowry");
    some.ask("lowry");
    test::run_ready(some.io);
    CHECK(some.answers.empty());
    some.lookup.release("lowry");
    REQUIRE(some.gets(3));
    CHECK(some.answers == std::vector{to("127.0.0.2"_ip), to("127.0.0.2"_ip), to("127.0.0.2"_ip)});
    CHECK(some.lookup.asked() == names{"lowry"});
}

TEST_CASE("a name that hangs holds up no other") {
    conversation some;
    some.lookup.hang("lowry");
    some.lookup.answer("jill", {"127.0.0.3"_ip});
    some.ask("lowry");
    some.ask("jill");
    REQUIRE(some.gets(1));
    CHECK(some.answers == std::vector{to("127.0.0.3"_ip)});
}

TEST_CASE("as many names are looked up at once as there may be threads, and the next has its turn") {
    conversation some;
    for (std::size_t i = 0; i <= resolver::max_threads; ++i) {
        some.lookup.hang("host" + std::to_string(i));
        some.ask("host" + std::to_string(i));
    }
    REQUIRE(some.lookup.await_asked(resolver::max_threads));
    CHECK(some.lookup.asked().size() == resolver::max_threads);
    const auto last = "host" + std::to_string(resolver::max_threads);
    auto asked = some.lookup.asked();
    CHECK(std::find(asked.begin(), asked.end(), last) == asked.end());
    some.lookup.release(last);
    some.lookup.release("host0");
    REQUIRE(some.gets(2));
    CHECK(some.lookup.asked().back() == last);
}

TEST_CASE("an answer is remembered for a while, trouble as well") {
    for (const std::string name : {"lowry", "nowhere"}) {
        CAPTURE(name);
        conversation some;
        some.lookup.answer("lowry", {"127.0.0.2"_ip});
        const auto began = clock::now();
        some.ask(name);
        REQUIRE(some.gets(1));
        some.ask(name);
        REQUIRE(some.gets(2));
        CHECK(some.answers[1] == some.answers[0]);
        if (clock::now() - began < resolver::memory) { // else this machine is too busy to tell
            CHECK(some.lookup.asked() == names{name});
        }
    }
}

TEST_CASE("an answer is not remembered for long") {
    conversation some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    const auto began = clock::now();
    some.ask("lowry");
    REQUIRE(some.gets(1));
    some.lookup.answer("lowry", {"127.0.0.3"_ip});
    const auto end = began + std::chrono::seconds(30); // only a fault exhausts it
    while (some.answers.back() == to("127.0.0.2"_ip) && clock::now() < end) {
        some.ask("lowry");
        some.gets(some.answers.size() + 1);
    }
    CHECK(some.answers.back() == to("127.0.0.3"_ip));
    CHECK(clock::now() - began >= resolver::memory);
    CHECK(some.lookup.asked() == names{"lowry", "lowry"});
}

TEST_CASE("what is forgotten is asked again") {
    conversation some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.ask("lowry");
    REQUIRE(some.gets(1));
    some.lookup.answer("lowry", {"127.0.0.3"_ip});
    some.it->forget();
    some.ask("lowry");
    REQUIRE(some.gets(2));
    CHECK(some.answers == std::vector{to("127.0.0.2"_ip), to("127.0.0.3"_ip)});
}

TEST_CASE("a lookup that began before everything was forgotten is not remembered") {
    conversation some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.lookup.hang("lowry");
    some.ask("lowry");
    REQUIRE(some.lookup.await_asked(1));
    some.it->forget(); // the hosts file has changed: what that lookup will say is old
    some.lookup.answer("lowry", {"127.0.0.3"_ip});
    some.lookup.release("lowry");
    REQUIRE(some.gets(1));
    some.ask("lowry");
    REQUIRE(some.gets(2));
    CHECK(some.answers[1] == to("127.0.0.3"_ip));
}

TEST_CASE("who asks after everything was forgotten does not get the answer of a lookup that began before") {
    conversation some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.lookup.hang("lowry");
    some.ask("lowry");
    REQUIRE(some.lookup.await_asked(1));
    some.it->forget();
    some.lookup.answer("lowry", {"127.0.0.3"_ip});
    resolution after;
    bool is_answered = false;
    some.it->resolve("lowry", [&](const resolution& what) {
        after = what;
        is_answered = true;
    });
    some.lookup.release("lowry");
    REQUIRE(test::run_until(some.io, [&] { return is_answered; }));
    CHECK(after == to("127.0.0.3"_ip));
}

TEST_CASE("a lookup that hangs is answered when its time is over, and works again later") {
    conversation some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.lookup.hang("lowry");
    const auto began = clock::now();
    some.ask("lowry");
    some.ask("lowry");
    REQUIRE(some.gets(2));
    CHECK(clock::now() - began >= resolver::deadline);
    CHECK(some.answers == std::vector{too_late, too_late});
    some.lookup.release("lowry");
    some.ask("lowry");
    REQUIRE(some.gets(3));
    CHECK(some.answers.back() == to("127.0.0.2"_ip));
}

TEST_CASE("an answer may ask the next question") {
    conversation some;
    some.lookup.answer("lowry", {"127.0.0.2"_ip});
    some.it->resolve("lowry", [&](const resolution& first) {
        some.answers.push_back(first);
        some.ask("lowry");
        some.ask("nowhere");
    });
    REQUIRE(some.gets(3));
    CHECK(some.answers.front() == to("127.0.0.2"_ip));
    CHECK(std::count(some.answers.begin(), some.answers.end(), to("127.0.0.2"_ip)) == 2);
    CHECK(std::count(some.answers.begin(), some.answers.end(), unknown) == 1);
}

TEST_CASE("a resolver can go while lookups hang, and nobody is answered then") {
    conversation some;
    for (std::size_t i = 0; i <= resolver::max_threads; ++i) { // one of them waits for its turn
        some.lookup.hang("host" + std::to_string(i));
        some.ask("host" + std::to_string(i));
    }
    REQUIRE(some.lookup.await_asked(resolver::max_threads));
    some.it.reset();
    for (std::size_t i = 0; i <= resolver::max_threads; ++i) {
        some.lookup.release("host" + std::to_string(i));
    }
    some.io.run(); // the deadlines that are left come to nothing
    CHECK(some.answers.empty());
    CHECK(some.lookup.asked().size() == resolver::max_threads);
}

TEST_CASE("the system resolves addresses as text, and says why it does not resolve a name") {
    CHECK(ask_system("127.0.0.2") == to("127.0.0.2"_ip));
    CHECK(ask_system("2001:db8::2") == to("2001:db8::2"_ip));
    CHECK(ask_system("127.0.0.1") == resolution{{"127.0.0.1"_ip}, "", {"127.0.0.1"_ip}}); // lo has it
    const auto none = ask_system(std::string(70, 'a') + ".invalid");                      // a label may have 63 letters
    CHECK(none.addresses.empty());
    CHECK(none.trouble.starts_with("does not resolve ("));
}

} // namespace
} // namespace epmd
