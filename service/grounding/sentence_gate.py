"""What of a generator's stream goes on to the user: at most so many sentences, and which ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ingest.words.terms import content_terms
from service.answer import Citation
from service.grounding.cite import Citer, answer_sentences, marked_anew, quoted, without_markers
from service.grounding.entailed import is_entailed
from service.grounding.entailment import Entailment
from service.grounding.repetition import end_before_repetition
from service.prompt import is_refusal


class SentenceGate(Protocol):
    """Takes pieces of text, gives back what may be shown; ``full`` says that nothing more will be.

    No piece may end within a marker: ``MarkerFilter`` comes first.
    """

    @property
    def full(self) -> bool: ...

    def asks_model(self, text: str | None) -> bool:
        """Whether to ``feed`` it ``text``, or to ``finish`` it for None, may take as long as a model does."""
        ...

    def feed(self, text: str) -> str:
        """What may be shown now."""
        ...

    def finish(self) -> str:
        """What may still be shown at the end of the stream."""
        ...


class OpenGate:
    """Shows everything at once, up to the end of the last allowed sentence, or of a refusal."""

    def __init__(self, language: str, max_sentences: int) -> None:
        self._language = language
        self._allowed = max_sentences
        self._sentence = ""  # the one under way
        self.full = False

    def asks_model(self, text: str | None) -> bool:  # noqa: ARG002  (whatever it is)
        """Never."""
        return False

    def feed(self, text: str) -> str:
        """``text``, or the part of it that still belongs to an allowed sentence."""
        before = len(self._sentence)
        self._sentence += text
        spans = answer_sentences(self._sentence)
        if len(spans) < 2:
            return text
        refusals = (
            is_refusal(without_markers(self._sentence[slice(*span)]), self._language) for span in spans
        )
        allowed = next((number for number, refuses in enumerate(refusals, 1) if refuses), self._allowed)
        allowed = min(allowed, self._allowed)
        if len(spans) > allowed:
            self.full = True
            return self._sentence[before : max(before, spans[allowed][0])]
        self._allowed -= len(spans) - 1
        self._sentence = self._sentence[spans[-1][0] :]
        return text

    def finish(self) -> str:
        """Nothing: all of it was shown."""
        return ""


class SupportGate:
    """Shows a sentence once it is whole and a source, in words about the question, is seen to bear it out.

    Sentences that none bears out, and repetitions, are withheld; who begins with one gets no second try, so
    that the reader does not wait for the fallback. What another source bears out than the one that is cited
    is shown with the marker of that one. A refusal needs no source; nothing follows
    it, and behind a sentence that was shown it is withheld. An answer that goes round in circles ends there.

    A ``trained`` generator has learned to answer in the bare words of its source, "In 1976 [2]", and was let
    in by a gate that measured whether it answers what was asked: of it, a lone word and a source in other
    words than the question's are taken, as long as that source bears the sentence out and no other sentence
    is plainly the one that was asked for. A few words that are to explain something, or that the question
    says itself, are shown as the whole sentence that they come from, if that is on the subject.

    With ``entailment`` that model must agree to whatever is shown but a refusal; ``feed`` and ``finish`` then
    raise EntailmentError where it fails.
    """

    def __init__(
        self,
        citer: Citer,
        headlines: Sequence[str],
        language: str,
        max_sentences: int,
        *,
        trained: bool = False,
        entailment: Entailment | None = None,
    ) -> None:
        self._citer = citer
        self._entailment = entailment
        self._trained = trained
        self._headlines = headlines
        self._headings = [set(content_terms(headline)) for headline in headlines]
        self._language = language
        self._max_sentences = max_sentences
        self._held = ""
        self._seen: set[str] = set()
        self._judged = 0
        self._refused = False
        self._repeats = False

    @property
    def full(self) -> bool:
        began_badly = self._judged > 0 and not self._seen
        return self._refused or self._repeats or began_badly or self._judged >= self._max_sentences

    def asks_model(self, text: str | None) -> bool:
        """Whether ``text`` completes a sentence, which a model then judges."""
        if self._entailment is None and not self._citer.asks_model:
            return False
        if text is None:
            return True
        held = self._held + text
        return len(answer_sentences(held)) > 1 or end_before_repetition(held, self._headlines) is not None

    def feed(self, text: str) -> str:
        """The sentences that ``text`` completes and that are borne out."""
        self._held += text
        end = end_before_repetition(self._held, self._headlines)
        if end is not None:
            shown = self._judge(self._held[:end])
            self._repeats = True
            return shown
        spans = answer_sentences(self._held)
        if len(spans) < 2:
            return ""
        cut = spans[-1][0]
        ready, self._held = self._held[:cut], self._held[cut:]
        return self._judge(ready)

    def finish(self) -> str:
        """What is left, if it is borne out."""
        ready, self._held = self._held, ""
        return "" if self._repeats else self._judge(ready)

    def _judge(self, text: str) -> str:
        shown = ""
        spans = answer_sentences(text)
        for index, (start, end) in enumerate(spans):
            if self.full:
                break
            self._judged += 1
            sentence = self._sentence(text, start, end)
            if sentence:
                self._seen.add(without_markers(text[start:end]))
                shown += sentence + text[end : spans[index + 1][0] if index + 1 < len(spans) else len(text)]
        return shown

    def _sentence(self, text: str, start: int, end: int) -> str:
        """What is shown of the sentence at ``[start, end)``; empty where it is withheld."""
        sentence = text[start:end]
        claim = without_markers(sentence)
        if claim in self._seen or self._says_nothing(claim):
            return ""
        if is_refusal(claim, self._language):
            self._refused = not self._seen
            return sentence if self._refused else ""
        shown = self._borne_out(sentence, claim)
        if shown and self._entailment is not None and not is_entailed(shown, self._citer, self._entailment):
            return ""
        return shown

    def _borne_out(self, sentence: str, claim: str) -> str:
        """``sentence`` as the words of a source bear it out; empty where none do."""
        citations = self._citer.supporting(sentence)
        if not citations and (elsewhere := self._citer.supporting(claim)):
            citations, sentence = elsewhere, marked_anew(sentence, elsewhere[0].marker)
        if self._trained and self._citer.is_too_brief(claim):
            found = next(filter(self._citer.is_on_the_subject, citations), None)
            return "" if found is None else quoted(found.quote, found.marker)
        return sentence if any(map(self._answers, citations)) else ""

    def _answers(self, citation: Citation) -> bool:
        if self._trained:
            return not self._citer.is_beside_the_question(citation)
        return self._citer.is_to_the_point(citation)

    def _says_nothing(self, claim: str) -> bool:
        """Whether ``claim`` is a lone word, or only repeats the headings of a passage.

        With either may a trained generator begin.
        """
        words = set(content_terms(claim))
        if not words:
            return True
        if self._trained and not self._seen:
            return False
        return len(words) < 2 or any(words <= heading for heading in self._headings)
