"""The frame of the pages in Chromium: signing in and out, themes, the keyboard, messages, and what the policy stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import uvicorn
from axe import broken
from browser import first_visit
from playwright.sync_api import Browser, Page, expect

from compoundeye.console._access import Access, digest
from compoundeye.console._app import application
from compoundeye.console._serve import listening
from compoundeye.console._state import Served
from compoundeye.corpus import Corpus

TOKEN = "a token of more than sixteen"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that asks for a token, with two corpora."""
    folder = tmp_path_factory.mktemp("corpora")
    paths = tuple(Corpus.create(folder / name).path for name in ("cats.lance", "<b>dogs.lance"))
    with pytest.MonkeyPatch.context() as patch, listening("127.0.0.1", 0) as listener:
        patch.setenv("COMPOUNDEYE_HOME", str(folder / "home"))
        port = listener.getsockname()[1]
        app = application(Served(paths, access=Access("127.0.0.1", port, token=digest(TOKEN))))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{port}"
        app.state.console.ending.set()
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    with first_visit(chromium, address) as shown:
        yield shown


@pytest.fixture
def signed_in(page: Page) -> Page:
    page.goto("/login?to=%2Fapi")
    sign_in(page, TOKEN)
    page.wait_for_url("**/api")
    return page


def sign_in(page: Page, secret: str) -> None:
    page.get_by_label("Your name").fill("Ada")
    page.get_by_label("Password or token").fill(secret)
    page.keyboard.press("Enter")


def test_a_wrong_secret_is_told_and_the_right_one_leads_to_where_one_wanted(page: Page) -> None:
    page.goto("/api?x=1#about")
    expect(page).to_have_title("Sign in - CompoundEye")
    assert broken(page) == []
    sign_in(page, "wrong")
    expect(page.get_by_role("alert").first).to_have_text("That is not the password or token of this console.")
    sign_in(page, TOKEN)
    page.wait_for_url("**/api?x=1")
    expect(page.get_by_role("heading", level=1)).to_have_text("API")


def test_a_token_behind_the_address_is_never_sent_and_leaves_the_address(page: Page) -> None:
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/login?to=%2Fapi#abc-def")
    expect(page.get_by_label("Password or token")).to_have_value("abc-def")
    assert page.url.endswith("/login?to=%2Fapi")
    assert not any("abc-def" in one for one in asked)


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "http://[", "\\\\evil"]
)
def test_signing_in_leads_to_no_other_site(page: Page, elsewhere: str) -> None:
    asked = list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/login")
    page.evaluate("to => history.replaceState(null, '', `/login?to=${encodeURIComponent(to)}`)", elsewhere)
    sign_in(page, TOKEN)
    expect(page.get_by_role("navigation")).to_be_visible()
    assert all(one.startswith(page.evaluate("location.origin")) for one in asked)


def test_whoever_has_signed_in_is_not_asked_again(signed_in: Page) -> None:
    signed_in.goto("/login?to=%2Fapi")
    signed_in.wait_for_url("**/api")


def test_signing_out_asks_first(signed_in: Page) -> None:
    signed_in.get_by_role("button", name="Sign out Ada").click()
    dialog = signed_in.get_by_role("dialog", name="Sign out?")
    signed_in.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    signed_in.get_by_role("button", name="Sign out Ada").click()
    dialog.get_by_role("button", name="Sign out").click()
    signed_in.wait_for_url("**/login")
    signed_in.goto("/api")
    expect(signed_in).to_have_title("Sign in - CompoundEye")


def test_a_theme_stays_and_comes_with_the_page(signed_in: Page) -> None:
    root, ground = signed_in.locator("html"), "getComputedStyle(document.body).backgroundColor"
    signed_in.emulate_media(color_scheme="dark")
    dark = signed_in.evaluate(ground)
    signed_in.get_by_role("button", name="Theme: auto").click()
    expect(root).to_have_attribute("data-theme", "light")
    assert signed_in.evaluate(ground) != dark
    signed_in.reload()
    expect(root).to_have_attribute("data-theme", "light")
    signed_in.get_by_role("button", name="Theme: light").click()
    expect(signed_in.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert signed_in.evaluate(ground) == dark


def test_another_corpus_is_a_choice_and_its_name_is_text(signed_in: Page) -> None:
    switch = signed_in.get_by_label("Corpus")
    assert switch.locator("option").all_inner_texts() == ["cats", "<b>dogs"]
    switch.select_option("<b>dogs")
    signed_in.wait_for_url("**/c/%3Cb%3Edogs")
    signed_in.goto("/api")
    expect(signed_in.get_by_label("Corpus")).to_have_value("<b>dogs")


def test_the_keyboard_reaches_the_content_first_and_has_a_help(signed_in: Page) -> None:
    signed_in.keyboard.press("Tab")
    expect(signed_in.get_by_role("link", name="Skip to content")).to_be_focused()
    signed_in.keyboard.press("Enter")
    expect(signed_in.locator("main")).to_be_focused()
    signed_in.keyboard.press("?")
    help_ = signed_in.get_by_role("dialog", name="Keyboard")
    expect(help_.get_by_text("this help")).to_be_visible()
    help_.get_by_label("Shortcuts of a single character").uncheck()
    signed_in.keyboard.press("Escape")
    expect(help_).to_have_count(0)
    signed_in.keyboard.press("?")
    expect(help_).to_have_count(0)
    signed_in.get_by_role("button", name="Keyboard").click()
    help_.get_by_label("Shortcuts of a single character").check()
    help_.get_by_role("button", name="Close").click()
    signed_in.keyboard.press("?")
    expect(help_).to_be_visible()


def test_shortcuts_rest_while_somebody_types(signed_in: Page) -> None:
    signed_in.evaluate(
        """async () => {
          const { h, keys } = await import(document.querySelector("script[src*='/eye.js']").src);
          window.pressed = [];
          const far = ["far", () => pressed.push("far")];
          keys("Test", { "j": ["next", () => pressed.push("j")], "Mod+Shift+ArrowDown": far });
          document.querySelector("main").append(h("input", { id: "typed", "aria-label": "Typed" }));
        }"""
    )
    signed_in.keyboard.press("j")
    signed_in.get_by_label("Typed").press_sequentially("jj")
    signed_in.locator("main").press("Control+Shift+ArrowDown")
    signed_in.keyboard.press("Control+j")
    assert signed_in.evaluate("pressed") == ["j", "far"]
    expect(signed_in.get_by_label("Typed")).to_have_value("jj")


def test_messages_are_text_are_read_out_and_can_be_undone(signed_in: Page) -> None:
    signed_in.evaluate(
        """async () => {
          const { say } = await import(document.querySelector("script[src*='/eye.js']").src);
          say("<i>3</i> corrected", { kind: "good", action: ["Undo", () => { window.undone = true; }] });
          say("It failed", { kind: "wrong" });
        }"""
    )
    status = signed_in.get_by_role("status")
    expect(status).to_contain_text("<i>3</i> corrected")
    expect(signed_in.locator("#alerts")).to_contain_text("It failed")
    status.get_by_role("button", name="Undo").click()
    expect(status).to_be_empty()
    assert signed_in.evaluate("undone")


def test_an_error_of_the_api_is_a_sentence_and_a_lost_session_leads_to_the_login(signed_in: Page) -> None:
    call = """async (path) => {
      const { api } = await import(document.querySelector("script[src*='/eye.js']").src);
      return api(path).catch((error) => [error.status, error.message]);
    }"""
    assert signed_in.evaluate(call, "nothing") == [404, "There is nothing at this address."]
    expect(signed_in.locator("#alerts")).to_contain_text("There is nothing at this address.")
    signed_in.context.clear_cookies()
    signed_in.evaluate(call, "openapi.json")
    signed_in.wait_for_url("**/login?to=%2Fapi")


def test_the_policy_stops_markup_styles_and_scripts_in_a_page(signed_in: Page) -> None:
    assert "TypeError" in signed_in.evaluate(
        "() => { try { document.body.innerHTML = '<b>x</b>'; } catch (error) { return String(error); } }"
    )
    signed_in.evaluate(
        """async () => {
          const found = window.stopped = [];
          document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
          const link = Object.assign(document.createElement("img"), { src: "http://127.0.0.1:9/x.png" });
          document.body.append(link);
          const style = Object.assign(document.createElement("style"), { textContent: "body { color: red }" });
          document.head.append(style);
          await fetch("http://127.0.0.1:9/").catch(() => {});
        }"""
    )
    for directive in ("img-src", "style-src-elem", "connect-src"):
        signed_in.wait_for_function("directive => stopped.includes(directive)", arg=directive)


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window(signed_in: Page, width: int) -> None:
    signed_in.set_viewport_size({"width": width, "height": 800})
    for path in ("/api", "/nothing"):
        signed_in.goto(path)
        assert signed_in.evaluate("document.documentElement.scrollWidth") == width
    expect(signed_in.get_by_role("navigation")).to_be_in_viewport()


def test_the_files_of_a_page_are_fetched_once(signed_in: Page) -> None:
    asked = list[str]()
    signed_in.on("response", lambda response: asked.append(f"{response.url} {response.from_service_worker}"))
    signed_in.goto("/nothing")
    signed_in.goto("/api")
    served = [one for one in asked if "/static/" in one]
    fetched = signed_in.evaluate(
        """performance.getEntriesByType('resource')
          .filter((one) => one.name.includes('/static/')).map((one) => one.transferSize)"""
    )
    assert len(served) > 5
    assert sum(fetched) == 0
