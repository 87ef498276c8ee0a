// Operations and coroutines.

#include "check.h"

#include <thread>

namespace
{
    // A name server that does not answer, and a socket that waits for it.
    struct stuck
    {
        test::peer silent;
        Udpair::Resolver resolver{ { L"127.0.0.1:" + silent.port_text() }, L"" };
        DatagramSocket socket = resolver.CreateSocket();

        IAsyncAction connect() const
        {
            return socket.ConnectAsync(test::host(L"name.test"), L"service");
        }
    };

    IAsyncOperation<int> twice(int value)
    {
        co_await resume_background();
        co_return value * 2;
    }

    IAsyncAction fails(int kind)
    {
        co_await resume_background();
        switch (kind)
        {
        case 0:
            throw hresult_illegal_method_call(L"of the application");
        case 1:
            throw std::out_of_range("a range");
        case 2:
            throw std::bad_alloc();
        default:
            throw std::runtime_error("a text");
        }
    }
}

// PRJ-07, GEN-04: coroutines wait for operations, which are coroutines.
TEST(coroutines_return_operations)
{
    auto const operation = twice(21);
    CHECK_EQUAL(operation.get(), 42);
    CHECK_EQUAL(operation.GetResults(), 42);
    CHECK_EQUAL(operation.Status(), AsyncStatus::Completed);
    CHECK_EQUAL(operation.ErrorCode().value, 0);
    CHECK(operation.Id() != twice(1).Id());
    auto const sum = []() -> IAsyncOperation<hstring> {
        co_return to_hstring(co_await twice(1) + co_await twice(2));
    };
    CHECK_EQUAL(sum().get(), L"6");
    when_all(twice(1), fails(9).Status() == AsyncStatus::Error ? twice(2) : twice(3)).get();
}

// PRJ-07, GEN-08: an exception of a coroutine is the error of its operation.
TEST(exceptions_of_coroutines_become_errors)
{
    CHECK_CODE(impl::error_illegal_method_call, fails(0).get());
    CHECK_CODE(impl::error_out_of_bounds, fails(1).get());
    CHECK_CODE(impl::error_bad_alloc, fails(2).get());
    CHECK_CODE(impl::error_fail, fails(3).get());
    auto const caught = []() -> IAsyncOperation<hstring> {
        try
        {
            co_await fails(0);
        }
        catch (hresult_illegal_method_call const& error)
        {
            co_return error.message();
        }
        co_return L"nothing was thrown";
    };
    CHECK_EQUAL(caught().get(), L"of the application");
    bool is_bad_alloc = false;
    try
    {
        fails(2).get();
    }
    catch (std::bad_alloc const&)
    {
        is_bad_alloc = true;
    }
    CHECK(is_bad_alloc);
}

// PRJ-07, GEN-05: Completed is called once, is set once, and has the operation and its status.
TEST(completed_is_called_once)
{
    stuck const waits;
    auto const connect = waits.connect();
    test::channel<AsyncStatus> statuses;
    CHECK(connect.Completed() == nullptr);
    connect.Completed([&](IAsyncAction const& operation, AsyncStatus status) {
        CHECK(operation == connect);
        CHECK_CODE(impl::error_aborted, operation.GetResults());
        statuses.put(status);
    });
    CHECK(connect.Completed() != nullptr);
    CHECK_CODE(impl::error_illegal_delegate_assignment, connect.Completed([](auto&&, auto&&) {}));
    CHECK_CODE(impl::error_illegal_method_call, connect.GetResults());
    CHECK_CODE(impl::error_illegal_method_call, connect.Close());
    CHECK_EQUAL(connect.wait_for(std::chrono::milliseconds(1)), AsyncStatus::Started);
    connect.Cancel();
    CHECK_EQUAL(statuses.take(), AsyncStatus::Canceled);
    CHECK_EQUAL(connect.wait_for(test::timeout), AsyncStatus::Canceled);
    connect.Cancel();
    connect.Close();
    CHECK_CODE(impl::error_illegal_method_call, connect.GetResults());

    // At once, if the operation has ended.
    auto const ended = DatagramSocket().BindServiceNameAsync(L"");
    int calls = 0;
    ended.Completed([&](auto&&, AsyncStatus status) {
        CHECK_EQUAL(status, AsyncStatus::Completed);
        ++calls;
    });
    CHECK_EQUAL(calls, 1);
    CHECK_EQUAL(statuses.size(), 0u);
}

// GEN-05: a wait for an operation that is cancelled throws hresult_canceled, with the library's code.
TEST(a_cancelled_wait_throws)
{
    stuck const waits;
    auto const connect = waits.connect();
    auto const waiter = [](IAsyncAction operation) -> IAsyncOperation<int> {
        try
        {
            co_await operation;
        }
        catch (hresult_canceled const& error)
        {
            co_return error.code();
        }
        co_return 0;
    }(connect);
    CHECK_EQUAL(waiter.Status(), AsyncStatus::Started);
    connect.Cancel();
    CHECK_EQUAL(waiter.get(), int32_t{ impl::error_aborted });
}

// GEN-05: a coroutine that is cancelled learns it by its token, and ends at its next wait.
TEST(a_coroutine_is_cancelled)
{
    test::channel<char const*> seen;
    stuck const waits;
    auto const work = [](auto& seen, IAsyncAction first) -> IAsyncAction {
        auto const token = co_await get_cancellation_token();
        CHECK(!token());
        token.callback([&seen] { seen.put("callback"); });
        try
        {
            co_await first;
        }
        catch (hresult_canceled const&)
        {
            seen.put("first");
        }
        CHECK(token());
        try
        {
            co_await resume_background();
            seen.put("went on");
        }
        catch (hresult_canceled const&)
        {
            seen.put("second");
            throw;
        }
    };
    auto const first = waits.connect();
    auto const operation = work(seen, first);
    operation.Cancel();
    CHECK_EQUAL(std::string(seen.take()), "callback");
    CHECK_EQUAL(operation.Status(), AsyncStatus::Canceled);
    first.Cancel();
    CHECK_EQUAL(std::string(seen.take()), "first");
    CHECK_EQUAL(std::string(seen.take()), "second");
}

namespace
{
    // A coroutine whose frame belongs to the caller.
    struct owned
    {
        struct promise_type
        {
            owned get_return_object()
            {
                return owned{ std::coroutine_handle<promise_type>::from_promise(*this) };
            }
            std::suspend_never initial_suspend() const noexcept { return {}; }
            std::suspend_always final_suspend() const noexcept { return {}; }
            void return_void() const noexcept {}
            void unhandled_exception() const noexcept { std::terminate(); }
        };

        explicit owned(std::coroutine_handle<promise_type> handle) : handle(handle) {}
        std::coroutine_handle<promise_type> handle;
    };
}

// A coroutine that is destroyed while it waits is not resumed, and the operation goes on.
TEST(a_coroutine_may_be_destroyed_while_it_waits)
{
    stuck const waits;
    auto const connect = waits.connect();
    bool has_resumed = false;
    auto const coroutine = [](IAsyncAction operation, bool& has_resumed) -> owned {
        co_await operation;
        has_resumed = true;
    }(connect, has_resumed);
    CHECK(!coroutine.handle.done());
    coroutine.handle.destroy();
    CHECK_EQUAL(connect.Status(), AsyncStatus::Started);
    test::channel<int> ended;
    connect.Completed([&](auto&&, auto&&) { ended.put(1); });
    connect.Cancel();
    ended.take();
    // Behind what would have resumed it.
    twice(1).get();
    CHECK(!has_resumed);

    auto const sleeps = [](bool& has_resumed) -> owned {
        co_await std::chrono::milliseconds(1);
        has_resumed = true;
    }(has_resumed);
    sleeps.handle.destroy();
    [] () -> IAsyncAction { co_await resume_after(std::chrono::milliseconds(20)); }().get();
    CHECK(!has_resumed);
}

// A coroutine goes on, on a thread that may be blocked: it may wait for others by get.
TEST(a_coroutine_may_block)
{
    auto const outer = []() -> IAsyncOperation<int> {
        co_await resume_background();
        co_return twice(twice(1).get()).get();
    };
    std::vector<IAsyncOperation<int>> all;
    for (int number = 0; number < 50; ++number)
    {
        all.push_back(outer());
    }
    for (auto const& operation : all)
    {
        CHECK_EQUAL(operation.get(), 4);
    }
}

// An operation that nobody waits for goes on, and one that is dropped by a coroutine too.
TEST(operations_need_no_waiter)
{
    test::peer const peer;
    DatagramSocket const socket;
    socket.ConnectAsync(test::loopback(), peer.port_text());
    DataWriter const writer(socket.OutputStream());
    for (int number = 0; number < 3; ++number)
    {
        writer.WriteString(to_hstring(number));
        writer.StoreAsync();
    }
    for (char const* expected : { "0", "1", "2" })
    {
        CHECK_EQUAL(peer.receive().first, expected);
    }
}

// STR-02, STR-03: operations of streams report their progress.
TEST(operations_report_progress)
{
    test::peer const peer;
    DatagramSocket const socket;
    auto const stream = socket.GetOutputStreamAsync(test::loopback(), peer.port_text()).get();
    Buffer const payload(3);
    payload.Length(3);
    auto const write = stream.WriteAsync(payload);
    write.Progress([](auto&&, uint32_t) {});
    CHECK(write.Progress() != nullptr);
    CHECK_EQUAL(write.get(), 3u);
    test::channel<uint32_t> lengths;
    write.Completed([&](IAsyncOperationWithProgress<uint32_t, uint32_t> const& operation, auto&&) {
        lengths.put(operation.GetResults());
    });
    CHECK_EQUAL(lengths.take(), 3u);
    CHECK_EQUAL(peer.receive().first.size(), 3u);
}
