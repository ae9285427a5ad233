package dev.kaap.interop;

import com.aliyun.dkms.gcs.sdk.Client;
import com.aliyun.dkms.gcs.sdk.models.AdvanceDecryptRequest;
import com.aliyun.dkms.gcs.sdk.models.AdvanceEncryptRequest;
import com.aliyun.dkms.gcs.sdk.models.AdvanceGenerateDataKeyRequest;
import com.aliyun.dkms.gcs.sdk.models.DecryptRequest;
import com.aliyun.dkms.gcs.sdk.models.EncryptRequest;
import com.aliyun.dkms.gcs.sdk.models.GenerateDataKeyRequest;
import com.aliyun.dkms.gcs.sdk.models.GenerateRandomRequest;
import com.aliyun.dkms.gcs.openapi.models.Config;
import com.aliyun.tea.TeaException;
import com.aliyuncs.exceptions.ClientException;
import com.aliyuncs.kms.secretsmanager.client.SecretCacheClientBuilder;
import com.aliyuncs.kms.secretsmanager.client.model.DKmsConfig;
import com.aliyuncs.kms.secretsmanager.client.model.RegionInfo;
import com.aliyuncs.kms.secretsmanager.client.service.BaseSecretManagerClientBuilder;
import com.aliyuncs.kms.secretsmanager.client.service.DefaultSecretManagerClientBuilder;
import com.google.gson.Gson;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;

/**
 * Reads secrets through alibabacloud-secretsmanager-client (access key: RPC V1; client key: protobuf) and calls the
 * instance gateway through alibabacloud-dkms-gcs-sdk; prints the outcomes as one JSON object by name.
 */
public final class SecretsManagerClient {
  private static final String HOST = System.getenv("KAAP_ENDPOINT").replace("https://", "");
  private static final String KEY_ID = System.getenv("KAAP_KEY_ID");
  private static final String SECRET_NAME = System.getenv("KAAP_SECRET_NAME");
  private static final byte[] PLAINTEXT = "plain \u0000\u4e2d".getBytes(StandardCharsets.UTF_8);
  private static final byte[] AAD = {0, 1, 2, -1};

  private SecretsManagerClient() {}

  private static <T extends Config> T withClientKey(T config) {
    config.setProtocol("https");
    config.setRegionId("local");
    config.setEndpoint(HOST);
    config.setClientKeyFile(System.getenv("KAAP_CLIENT_KEY_FILE"));
    config.setPassword(System.getenv("KAAP_CLIENT_KEY_PASSWORD"));
    config.setCaFilePath(System.getenv("KAAP_CA_FILE"));
    return config;
  }

  private static DefaultSecretManagerClientBuilder byAccessKey(String secret) {
    return BaseSecretManagerClientBuilder.standard()
        .withAccessKey(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_ID"), secret)
        .addRegion(new RegionInfo("local", HOST));
  }

  private static DefaultSecretManagerClientBuilder byClientKey() {
    return BaseSecretManagerClientBuilder.standard().addDKmsConfig(withClientKey(new DKmsConfig()));
  }

  private static Map<String, Object> read(DefaultSecretManagerClientBuilder builder, String name) throws Exception {
    try (var cache = SecretCacheClientBuilder.newCacheClientBuilder(builder.build()).build()) {
      var secret = cache.getSecretInfo(name);
      return Map.of("value", secret.getSecretValue(), "version", secret.getVersionId());
    } catch (Exception error) {
      return Map.of("error", codeOf(error));
    }
  }

  /** Code of the first of the causes that has one. */
  private static String codeOf(Throwable error) {
    for (var cause = error; cause != null; cause = cause.getCause()) {
      if (cause instanceof ClientException failure) return String.valueOf(failure.getErrCode());
      if (cause instanceof TeaException failure) return String.valueOf(failure.getCode());
    }
    return error.toString();
  }

  private static Map<String, Object> errorOf(Callable<?> call) {
    try {
      call.call();
    } catch (Exception error) {
      return Map.of("error", codeOf(error));
    }
    return Map.of("error", "none");
  }

  private static void instance(Client client, Map<String, Object> found) throws Exception {
    var sealed = client.encrypt(new EncryptRequest().setKeyId(KEY_ID).setPlaintext(PLAINTEXT).setAad(AAD));
    var open = new DecryptRequest().setKeyId(KEY_ID).setCiphertextBlob(sealed.getCiphertextBlob());
    open.setIv(sealed.getIv()).setAlgorithm(sealed.getAlgorithm());
    found.put("Decrypt with another AAD", errorOf(() -> client.decrypt(open)));
    var opened = client.decrypt(open.setAad(AAD));
    found.put("Encrypt and Decrypt", Arrays.equals(PLAINTEXT, opened.getPlaintext()));

    var advanced = client.advanceEncrypt(new AdvanceEncryptRequest().setKeyId(KEY_ID).setPlaintext(PLAINTEXT).setAad(AAD));
    var blob = new AdvanceDecryptRequest().setCiphertextBlob(advanced.getCiphertextBlob()).setAad(AAD);
    found.put("AdvanceEncrypt and AdvanceDecrypt", Arrays.equals(PLAINTEXT, client.advanceDecrypt(blob).getPlaintext()));

    var made = client.generateDataKey(new GenerateDataKeyRequest().setKeyId(KEY_ID).setNumberOfBytes(32));
    found.put("GenerateDataKey", made.getPlaintext().length);
    var key = client.advanceGenerateDataKey(new AdvanceGenerateDataKeyRequest().setKeyId(KEY_ID).setNumberOfBytes(32));
    var again = client.advanceDecrypt(new AdvanceDecryptRequest().setCiphertextBlob(key.getCiphertextBlob()));
    found.put("AdvanceGenerateDataKey", Arrays.equals(key.getPlaintext(), again.getPlaintext()));
    found.put("GenerateRandom", client.generateRandom(new GenerateRandomRequest().setLength(48)).getRandom().length);
  }

  public static void main(String[] arguments) throws Exception {
    var found = new LinkedHashMap<String, Object>();
    instance(new Client(withClientKey(new Config())), found);
    found.put("access key", read(byAccessKey(System.getenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET")), SECRET_NAME));
    found.put("a wrong access key", read(byAccessKey("wrong"), SECRET_NAME));
    found.put("client key", read(byClientKey(), SECRET_NAME));
    found.put("another secret by client key", read(byClientKey(), "dev/none"));
    System.out.println(new Gson().toJson(found));
    System.exit(0);
  }
}
