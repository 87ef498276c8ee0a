// Tests: each has a name and, in a comment before it, the rules that it covers.
#pragma once

#include <winrt/Udpair.h>
#include <winrt/Windows.Networking.Connectivity.h>
#include <winrt/Windows.Networking.Sockets.h>
#include <winrt/Windows.Security.Cryptography.h>
#include <winrt/Windows.Storage.Streams.h>

#include <condition_variable>
#include <cstdio>
#include <deque>
#include <functional>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace test
{
    struct entry
    {
        char const* name;
        void (*run)();
    };

    inline std::vector<entry>& all()
    {
        static std::vector<entry> tests;
        return tests;
    }

    struct registered
    {
        registered(char const* name, void (*run)()) { all().push_back({ name, run }); }
    };

    struct failure : std::runtime_error
    {
        using runtime_error::runtime_error;
    };

    inline void fail(char const* file, int line, std::string const& text)
    {
        throw failure(std::string(file) + ":" + std::to_string(line) + ": " + text);
    }

    template <typename T>
    std::string shown(T const& value)
    {
        if constexpr (std::is_convertible_v<T, std::wstring_view>)
        {
            return '"' + winrt::to_string(value) + '"';
        }
        else if constexpr (std::is_enum_v<T>)
        {
            return std::to_string(static_cast<int64_t>(value));
        }
        else if constexpr (requires(std::ostream& stream) { stream << value; })
        {
            std::ostringstream stream;
            stream << value;
            return stream.str();
        }
        else
        {
            return "a value";
        }
    }

    template <typename A, typename B>
    void equal(char const* file, int line, A const& found, B const& expected, char const* text)
    {
        if (!(found == expected))
        {
            fail(file, line, std::string(text) + " is " + shown(found) + ", not " + shown(expected));
        }
    }

    // Only bounds a hang.
    inline constexpr std::chrono::seconds timeout{ 20 };

    // What handlers hand over to the test.
    template <typename T>
    struct channel
    {
        void put(T value)
        {
            std::lock_guard const guard(m_lock);
            m_values.push_back(std::move(value));
            m_changed.notify_all();
        }
        T take()
        {
            std::unique_lock guard(m_lock);
            if (!m_changed.wait_for(guard, timeout, [&] { return !m_values.empty(); }))
            {
                throw failure("nothing came in time");
            }
            auto value = std::move(m_values.front());
            m_values.pop_front();
            return value;
        }
        size_t size()
        {
            std::lock_guard const guard(m_lock);
            return m_values.size();
        }

    private:
        std::mutex m_lock;
        std::condition_variable m_changed;
        std::deque<T> m_values;
    };

    // A socket of the system on loopback.
    struct peer
    {
        peer();
        peer(peer const&) = delete;
        peer& operator=(peer const&) = delete;
        ~peer();

        uint16_t port() const { return m_port; }
        winrt::hstring port_text() const { return winrt::to_hstring(m_port); }
        void send(std::string_view payload, uint16_t port) const;
        void send(std::string_view payload, winrt::hstring const& port) const
        {
            send(payload, static_cast<uint16_t>(std::stoi(winrt::to_string(port))));
        }
        // Sends to a group on the adapter of loopback.
        void send_to_group(std::string_view payload, char const* group, uint16_t port) const;
        // Returns the next datagram and the port that it is from.
        std::pair<std::string, uint16_t> receive() const;

    private:
        int m_socket;
        uint16_t m_port;
    };

    inline winrt::Windows::Networking::HostName host(winrt::param::hstring const& text)
    {
        return winrt::Windows::Networking::HostName(text);
    }
    inline winrt::Windows::Networking::HostName loopback() { return host(L"127.0.0.1"); }
    winrt::Windows::Networking::Connectivity::NetworkAdapter loopback_adapter();

    // Returns the code of the error that an action throws; 0 if it throws none.
    template <typename F>
    int32_t code(F&& action)
    {
        try
        {
            action();
            return 0;
        }
        catch (winrt::hresult_error const& error)
        {
            return error.code();
        }
    }

    // Returns all bytes of a reader as text.
    inline std::string text_of(winrt::Windows::Storage::Streams::DataReader const& reader)
    {
        std::string text(reader.UnconsumedBufferLength(), '\0');
        auto const bytes = reinterpret_cast<uint8_t*>(text.data());
        reader.ReadBytes({ bytes, static_cast<uint32_t>(text.size()) });
        return text;
    }
}

#define TEST(name)                                           \
    static void name();                                      \
    static test::registered const registered_##name(#name, name); \
    static void name()

#define CHECK(condition)                                \
    do                                                  \
    {                                                   \
        if (!(condition))                               \
        {                                               \
            test::fail(__FILE__, __LINE__, #condition); \
        }                                               \
    } while (false)

#define CHECK_EQUAL(found, expected) test::equal(__FILE__, __LINE__, found, expected, #found)

#define CHECK_CODE(expected, action) \
    test::equal(__FILE__, __LINE__, test::code([&] { action; }), int32_t{ expected }, #action)

using namespace winrt;
using namespace winrt::Windows::Foundation;
using namespace winrt::Windows::Foundation::Collections;
using namespace winrt::Windows::Networking;
using namespace winrt::Windows::Networking::Connectivity;
using namespace winrt::Windows::Networking::Sockets;
using namespace winrt::Windows::Storage::Streams;
