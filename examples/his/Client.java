import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A hospital's side of the national interface: asks for a review, shows it to the doctor, tells what the doctor did.
 *
 * <pre>java Client.java http://127.0.0.1:8301 [MESSAGE.json]</pre>
 *
 * The JDK alone (11 or newer), so that it runs as it is; a HIS will read the answer with the JSON library it has.
 */
public final class Client {
    private static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(2)).build();

    public static void main(String[] arguments) throws Exception {
        String address = arguments[0];
        Path file = Path.of(arguments.length > 1 ? arguments[1] : "examples/his/review.json");
        String review = Files.readString(file, StandardCharsets.UTF_8);
        String answer = call(address + "/3101", review);
        if (answer == null) {
            System.out.println("the review service cannot be reached: care goes on, send again later");
            return;
        }
        if (!answer.startsWith("{\"infcode\":0,")) throw new IllegalStateException("refused: " + value(answer, "err_msg"));
        List<String> warns = new ArrayList<>();
        // One entry per finding; each begins with its identifier.
        String[] entries = answer.split("\\{\"jr_id\":");
        for (int place = 1; place < entries.length; place++) {
            String entry = "{\"jr_id\":" + entries[place];
            System.out.printf("[%s] %s: %s%n", value(entry, "sev_deg"), value(entry, "rule_name"), value(entry, "vola_cont"));
            if (!"YIJIAN-NOTICE".equals(value(entry, "rule_id"))) {
                warns.add("{\"warn_rslt_id\":\"" + value(entry, "jr_id") + "\",\"dspo_way\":\"1\",\"dspo_way_rea\":\"病情需要\"}");
            }
        }
        System.out.println(warns.size() + " findings");
        if (warns.isEmpty()) return;
        String feedback = "{\"infno\":\"3103\",\"msgid\":\"" + value(review, "msgid") + "J\",\"fixmedins_code\":\""
            + value(review, "fixmedins_code") + "\",\"input\":{\"data\":{\"warn_type\":\"1\",\"warns\":["
            + String.join(",", warns) + "]}}}";
        if (call(address + "/3103", feedback) != null) System.out.println("feedback taken");
    }

    /** Null when nobody answers in time, twice: the same message identifier, so nothing is done twice. */
    private static String call(String address, String body) throws InterruptedException {
        HttpRequest request = HttpRequest.newBuilder(URI.create(address)).timeout(Duration.ofSeconds(3))
            .header("content-type", "application/json; charset=utf-8").POST(HttpRequest.BodyPublishers.ofString(body)).build();
        for (int attempt = 1; attempt <= 2; attempt++) {
            try {
                HttpResponse<String> response = HTTP.send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
                if (response.statusCode() == 200) return response.body();
            } catch (IOException unreachable) {
                // Once more below.
            }
            Thread.sleep(1000);
        }
        return null;
    }

    /** The first text or number under a name. */
    private static String value(String json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\\s*(?:\"((?:[^\"\\\\]|\\\\.)*)\"|([-0-9.]+))").matcher(json);
        if (!found.find()) return "";
        return found.group(1) != null ? found.group(1) : found.group(2);
    }
}
