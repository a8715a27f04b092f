"""The evaluators once more, as plain loops over segments, the way the published ones work.

They are what the fast ones are tested against and timed beside (`python -m benchmarks score`); no
result comes from here. Each takes (predictions, truth, *, num_classes, tious, ...) and returns
the figures of its twin by name. Input is not checked.
"""

from __future__ import annotations

from skeljax.localize.metrics import activitynet, babel, detection, pkummd, segmentation


def plain_babel(predictions, truth, *, num_classes, tious=babel.TIOUS, faithful=False):
    """Matches greedily; IoU of sets of frames."""
    ranked, true = _ranked(predictions), _listed(truth)
    maps = []
    for tiou in tious:
        areas = []
        for label in range(num_classes):
            free = [row for row in true if row[0] == label]
            count = len(free)
            hits = []
            for _, start, end, _, name in [row for row in ranked if row[0] == label]:
                found = range(start, end + faithful)
                best, at = 0.0, None
                for index, (_, other_start, other_end, _, other_name) in enumerate(free):
                    if other_name != name:
                        continue
                    other = range(other_start, other_end - faithful)
                    union = len(set(found) | set(other))
                    iou = len(set(found) & set(other)) / union
                    if iou >= tiou and iou > best:
                        best, at = iou, index
                hits.append(at is not None)
                if at is not None:
                    del free[at]
            if count:
                areas.append(_area(hits, count))
        maps.append(sum(areas) / len(areas))
    return {**_named('mAP', tious, maps), 'mean': sum(maps) / len(maps)}


def plain_activitynet(predictions, truth, *, num_classes, tious=activitynet.TIOUS):
    """Tries the true segments of the recording from the highest IoU down, for each threshold."""
    ranked, true = _ranked(predictions), _listed(truth)
    areas = {tiou: [] for tiou in tious}
    for label in range(num_classes):
        actual = [row for row in true if row[0] == label]
        taken = {tiou: [False] * len(actual) for tiou in tious}
        hits = {tiou: [] for tiou in tious}
        for _, start, end, _, name in [row for row in ranked if row[0] == label]:
            ious = []
            for index, (_, other_start, other_end, _, other_name) in enumerate(actual):
                if other_name == name:
                    shared = max(min(end, other_end) - max(start, other_start), 0)
                    union = (end - start) + (other_end - other_start) - shared
                    ious.append((shared / union, index))
            ious.sort(key=lambda pair: -pair[0])
            for tiou in tious:
                hit = False
                for iou, index in ious:
                    if iou < tiou:
                        break
                    if not taken[tiou][index]:
                        hit = taken[tiou][index] = True
                        break
                hits[tiou].append(hit)
        if actual:
            for tiou in tious:
                areas[tiou].append(_area(hits[tiou], len(actual)))
    maps = [sum(areas[tiou]) / len(areas[tiou]) for tiou in tious]
    return {**_named('mAP', tious, maps), 'mean': sum(maps) / len(maps)}


def plain_pkummd(predictions, truth, *, num_classes, tious=pkummd.TIOUS):
    """Takes proposals away one at a time, from the worst up (the release, `faithful`)."""
    # Sorted by confidence from below, and stable: equal ones are to go in reverse.
    proposals, true = _ranked(predictions)[::-1], _listed(truth)
    kinds = {'mAP_action': (0, range(num_classes)), 'mAP_video': (4, sorted(truth))}
    figures = {}
    for kind, (column, groups) in kinds.items():
        found, actual = ({group: [] for group in groups} for _ in range(2))
        for rows, parts in ((proposals, found), (true, actual)):
            for row in rows:
                parts[row[column]].append(row)
        values = []
        for tiou in tious:
            areas = [_pku_ap(found[g], tiou, actual[g], num_classes) for g in groups]
            values.append(sum(areas) / len(areas))
        figures |= _named(kind, tious, values)
    scores = []
    for tiou in tious:
        positive = _pku_match(proposals, tiou, true, num_classes)[2]
        precision, recall = _rates(positive, len(proposals), len(true))
        both = precision + recall
        scores.append(2 * precision * recall / both if both else 0.0)
    figures |= _named('F1', tious, scores)
    pooled = [_pku_ap(proposals, tiou, true, num_classes) for tiou in tious]
    figures |= _named('AP', tious, pooled)
    plane = [_pku_ap(proposals, theta, true, num_classes) for theta in pkummd.THETAS]
    return {**figures, '2D-AP': sum(plane) / len(plane)}


def plain_detection(predictions, truth, *, num_classes, tious=detection.TIOUS):
    """Assigns each proposal to its best true segment; lengths + 1 (the release, `faithful`)."""
    ranked, true = _ranked(predictions), _listed(truth)
    maps = []
    for tiou in tious:
        areas = []
        for label in range(num_classes):
            actual = {name: [] for name in truth}
            for row in true:
                if row[0] == label:
                    actual[row[4]].append(row)
            count = sum(map(len, actual.values()))
            if not count:
                continue
            taken = {name: [False] * len(rows) for name, rows in actual.items()}
            hits = []
            for _, start, end, _, name in [row for row in ranked if row[0] == label]:
                best, at = 0.0, None
                for index, (_, other_start, other_end, _, _) in enumerate(actual[name]):
                    shared = min(end, other_end) - max(start, other_start) + 1
                    if shared > 0:
                        union = (end - start + 1) + (other_end - other_start + 1) - shared
                        if shared / union > best:
                            best, at = shared / union, index
                hit = best >= tiou and not taken[name][at]
                if hit:
                    taken[name][at] = True
                hits.append(hit)
            areas.append(_area(hits, count))
        maps.append(sum(areas) / len(areas))
    video = plain_map_video(predictions, truth, num_classes)
    figures = {**_named('mAP_a', tious, maps), f'mAP_v@{detection.VIDEO_TIOU:g}': video}
    return {**figures, 'mean': sum(maps) / len(maps)}


def plain_map_video(predictions, truth, num_classes):
    """Takes the mean over recordings of the release's AP at 0.5."""
    total = 0.0
    for name in truth:
        proposals = _ranked({name: predictions[name]} if name in predictions else {})[::-1]
        true = _listed({name: truth[name]})
        total += _pku_ap(proposals, detection.VIDEO_TIOU, true, num_classes)
    return total / len(truth)


def plain_segmentation(predictions, truth, *, num_classes, num_frames, tious=segmentation.TIOUS):
    """Goes from frame to frame and from run to run; background counts in the accuracy."""
    correct = total = 0
    edit = 0.0
    counts = [[0, 0, 0] for _ in tious]
    for name in truth:
        found = _labels(_listed({name: predictions.get(name)}), num_frames[name])
        actual = _labels(_listed({name: truth[name]}), num_frames[name])
        for one, other in zip(found, actual, strict=True):
            correct += one == other
            total += 1
        runs, true_runs = _runs(found), _runs(actual)
        edit += _edit([run[0] for run in runs], [run[0] for run in true_runs])
        for count, tiou in zip(counts, tious, strict=True):
            for number, change in enumerate(_hits(runs, true_runs, tiou)):
                count[number] += change
    f1 = [2 * right / (2 * right + wrong + missed) for right, wrong, missed in counts]
    named = {f'F1@{round(100 * t, 6):g}': v for t, v in zip(tious, f1, strict=True)}
    return {'accuracy': correct / total, 'edit': edit / len(truth), **named}


def plain_framewise(truth, *, num_classes, probabilities):
    """Lowers the threshold from score to score."""
    areas = []
    names = sorted(truth)
    for label in range(num_classes):
        frames = []
        for name in names:
            right = [False] * len(probabilities[name])
            for start, end, other, _ in _segments(truth[name]):
                if other == label:
                    right[start:end] = [True] * (end - start)
            frames += zip(probabilities[name][:, label].tolist(), right, strict=True)
        count = sum(right for _, right in frames)
        if not count:
            continue
        frames.sort(key=lambda frame: -frame[0])
        area = 0.0
        seen = hits = since = 0
        for index, (score, right) in enumerate(frames):
            seen += 1
            hits += right
            since += right
            if index + 1 == len(frames) or frames[index + 1][0] != score:
                area += since / count * hits / seen
                since = 0
        areas.append(area)
    return {'mAP': sum(areas) / len(areas)}


def _segments(segments):
    if segments is None:
        return []
    fields = (segments.start, segments.end, segments.label, segments.score)
    return list(zip(*(values.tolist() for values in fields), strict=True))


def _listed(by_name):
    """Lists segments as (label, start, end, score, recording), by recording and start."""
    rows = []
    for name in sorted(by_name):
        for start, end, label, score in sorted(_segments(by_name[name])):
            rows.append((label, start, end, score, name))
    return rows


def _ranked(by_name):
    """Lists segments from the best score down; of equal ones by recording and start."""
    return sorted(_listed(by_name), key=lambda row: -row[3])


def _named(name, tious, values):
    return {f'{name}@{t:g}': v for t, v in zip(tious, values, strict=True)}


def _area(hits, count):
    """Takes the area under the envelope with the sentinels (0, 0) and (1, 0)."""
    recall, precision, right = [0.0], [0.0], 0
    for number, hit in enumerate(hits, 1):
        right += hit
        recall.append(right / count)
        precision.append(right / number)
    recall.append(1.0)
    precision.append(0.0)
    for index in range(len(precision) - 2, -1, -1):
        precision[index] = max(precision[index], precision[index + 1])
    area = 0.0
    for index in range(1, len(recall)):
        area += (recall[index] - recall[index - 1]) * precision[index]
    return area


def _rates(positive, proposals, ground):
    if not proposals or not ground:
        return 0.0, 0.0
    return positive / proposals, positive / ground


def _pku_match(proposals, tiou, true, num_classes):
    """Gives each proposal the true segment with the largest overlap, at or above `tiou`."""
    of_class = [[] for _ in range(num_classes)]
    for index, row in enumerate(true):
        of_class[row[0]].append(index)
    owner, count = [], [0] * len(true)
    for label, start, end, _, name in proposals:
        best, at = -1.0, None
        for index in of_class[label]:
            _, other_start, other_end, _, other_name = true[index]
            overlap = 0.0
            if other_name == name:
                shared = min(end, other_end) - max(start, other_start)
                overlap = shared / (max(end, other_end) - min(start, other_start))
            if overlap >= tiou and overlap >= best:
                best, at = overlap, index
        owner.append(at)
        if at is not None:
            count[at] += 1
    return owner, count, sum(number > 0 for number in count)


def _pku_ap(proposals, tiou, true, num_classes):
    owner, count, positive = _pku_match(proposals, tiou, true, num_classes)
    left = len(proposals)
    best, recall = _rates(positive, left, len(true))
    area = 0.0
    for at in owner:
        left -= 1
        if at is None:
            continue
        count[at] -= 1
        positive -= count[at] == 0
        precision, lower = _rates(positive, left, len(true))
        best = max(best, precision)
        area += best * (recall - lower)
        recall = lower
    return area


def _labels(rows, num_frames):
    labels = [None] * num_frames
    for label, start, end, _, _ in sorted(rows, key=lambda r: (r[3], r[1], r[2], r[0])):
        labels[start:end] = [label] * (end - start)
    return labels


def _runs(labels):
    runs, start = [], 0
    for index in range(1, len(labels) + 1):
        if index == len(labels) or labels[index] != labels[start]:
            if labels[start] is not None:
                runs.append((labels[start], start, index))
            start = index
    return runs


def _edit(found, true):
    if not found and not true:
        return 1.0
    table = [[0] * (len(true) + 1) for _ in range(len(found) + 1)]
    for i in range(len(found) + 1):
        for j in range(len(true) + 1):
            if not i or not j:
                table[i][j] = i + j
                continue
            changed = table[i - 1][j - 1] + (found[i - 1] != true[j - 1])
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, changed)
    return 1 - table[-1][-1] / max(len(found), len(true))


def _hits(runs, true_runs, tiou):
    taken = [False] * len(true_runs)
    right = 0
    for label, start, end in runs:
        best, at = 0.0, None
        for index, (other, other_start, other_end) in enumerate(true_runs):
            shared = min(end, other_end) - max(start, other_start)
            overlap = shared / (max(end, other_end) - min(start, other_start))
            if other == label and overlap > best:
                best, at = overlap, index
        if best >= tiou and not taken[at]:
            taken[at] = True
            right += 1
    return right, len(runs) - right, len(true_runs) - right
